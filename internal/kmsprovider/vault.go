package kmsprovider

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/vault/api"
	"google.golang.org/grpc/codes"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Vault encrypts with a key of the secrets engine, through Vault or OpenBao. Its token must be allowed to read the
// key's path, and to update encrypt/NAME and decrypt/NAME.
type Vault struct {
	Session *Session
	// Key encrypts, and decrypts.
	Key EngineKey
	// Previous are the other keys that decrypt.
	Previous []EngineKey
	// Cluster is the name that everything is bound to.
	Cluster string

	// current is the last answer about the key.
	current atomic.Pointer[engineVersion]
}

// engineKeyAnswer is the part of the engine's answer about a key that is needed here.
type engineKeyAnswer struct {
	KeyID              string          `json:"key_id"`
	KeyState           kmsapi.KeyState `json:"key_state"`
	LatestVersion      int             `json:"latest_version"`
	SupportsEncryption bool            `json:"supports_encryption"`
}

// Current implements [Backend].
func (v *Vault) Current(ctx context.Context) (string, error) {
	current, err := v.ask(ctx)
	return current.String(), err
}

func (v *Vault) ask(ctx context.Context) (engineVersion, error) {
	_ = v.Session.Keep(ctx) // A token that was not renewed may work for a while. If not, the request says why.
	current, err := v.read(ctx, v.Key)
	if err != nil {
		return engineVersion{}, err
	}
	v.current.Store(&current)
	return current, nil
}

// read reads a key, which must be one that can be used.
func (v *Vault) read(ctx context.Context, key EngineKey) (engineVersion, error) {
	path := key.String()
	var found engineKeyAnswer
	err := v.Session.do(ctx, path, &found, func(ctx context.Context, c *api.Logical) (*api.Secret, error) {
		return c.ReadWithContext(ctx, path)
	})
	switch {
	case err != nil:
		return engineVersion{}, err
	case found.KeyState != "" && found.KeyState != kmsapi.Enabled:
		return engineVersion{}, fmt.Errorf("the key %s can't be used: its KMS key is %s", key, found.KeyState)
	case !keyID.MatchString(found.KeyID) || found.LatestVersion < 1:
		return engineVersion{}, fmt.Errorf("%s is not a key of the secrets engine for Alibaba Cloud KMS", key)
	case !found.SupportsEncryption:
		return engineVersion{}, fmt.Errorf("the key %s does not encrypt", key)
	}
	return engineVersion{key, found.KeyID, found.LatestVersion}, nil
}

// CheckPrevious implements [Backend]. The token must be allowed to read the path of each key.
func (v *Vault) CheckPrevious(ctx context.Context) error {
	for _, previous := range v.Previous {
		if _, err := v.read(ctx, previous); err != nil {
			return err
		}
	}
	return nil
}

var errChanging = &Refusal{
	codes.Unavailable, "the key has just been rotated, and Vault does not say yet which version encrypts",
}

// versionNow returns the version that has just made a ciphertext, given its number. It takes a call only after a
// rotation.
func (v *Vault) versionNow(ctx context.Context, version int) (engineVersion, error) {
	if known := v.current.Load(); known != nil && known.version == version {
		return *known, nil
	}
	asked, err := v.ask(ctx)
	if err == nil && asked.version != version {
		err = errChanging
	}
	return asked, err
}

// Encrypt implements [Backend].
func (v *Vault) Encrypt(ctx context.Context, plaintext []byte) (Sealed, error) {
	var made struct{ Ciphertext string }
	err := v.write(ctx, "encrypt", v.Key, &made, map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plaintext)})
	if err != nil {
		return Sealed{}, err
	}
	version, _, err := versions.Split(made.Ciphertext)
	if err != nil || version == 0 {
		return Sealed{}, errors.New("Vault has answered with something other than a ciphertext")
	}
	by, err := v.versionNow(ctx, version)
	return Sealed{[]byte(made.Ciphertext), by.String()}, err
}

// Decrypt implements [Backend]. The engine itself refuses ciphertexts of another key. The KMS key in the key id is not
// compared: a key that was deleted and made again under its name within a minute encrypts under the id of its
// predecessor.
func (v *Vault) Decrypt(ctx context.Context, s Sealed) ([]byte, error) {
	named, ok := parseEngineVersion(s.KeyID, append([]EngineKey{v.Key}, v.Previous...))
	if !ok {
		return nil, &Refusal{codes.PermissionDenied, fmt.Sprintf(
			"the key id %.200q is not of a listed key; if the data is this cluster's, give its key with -previous-key", s.KeyID)}
	}
	if version, _, err := versions.Split(string(s.Ciphertext)); err != nil || version != named.version {
		return nil, &Refusal{codes.InvalidArgument, "the ciphertext is of a version other than the one in its key id"}
	}
	var opened struct{ Plaintext string }
	err := v.write(ctx, "decrypt", named.key, &opened, map[string]any{"ciphertext": string(s.Ciphertext)})
	if err != nil {
		return nil, err
	}
	plaintext, err := base64.StdEncoding.DecodeString(opened.Plaintext)
	if err != nil {
		return nil, errors.New("Vault has answered with a plaintext that is not base64")
	}
	return plaintext, nil
}

func (v *Vault) write(ctx context.Context, operation string, key EngineKey, answer any, fields map[string]any) error {
	fields["encryption_context"] = contextOf(v.Cluster)
	path := key.Mount + "/" + operation + "/" + key.Name
	return v.Session.do(ctx, path, answer, func(ctx context.Context, c *api.Logical) (*api.Secret, error) {
		return c.WriteWithContext(ctx, path, fields)
	})
}

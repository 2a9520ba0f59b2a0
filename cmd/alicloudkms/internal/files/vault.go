package files

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/hashicorp/vault/api"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Vault makes and opens data keys through a key of the secrets engine, with a token of Vault or OpenBao.
type Vault struct {
	client *api.Client
	// mount is the engine's, without slashes at its ends, and key the name of its key.
	mount, key string
}

// NewVault returns a Vault for a key that is written MOUNT/KEY. The server's address and the token are found as the
// command `vault` finds them: in VAULT_ADDR and VAULT_TOKEN, or where `vault login` has left the token.
func NewVault(path string) (*Vault, error) {
	mount, key, err := vaultkey.Split(path)
	if err != nil {
		return nil, err
	}
	client, err := vaultkey.NewClient()
	if err != nil {
		return nil, err
	}
	return &Vault{client: client, mount: mount, key: key}, nil
}

// Generate implements [Keys] by datakey/plaintext.
func (v *Vault) Generate(ctx context.Context, c Contexts) (*[envelope.KeySize]byte, []byte, error) {
	answer, err := v.write(ctx, "datakey/plaintext", envelope.FileKeyContext(nil, c.Entries), map[string]any{
		"bits": 8 * envelope.KeySize,
	})
	if err != nil {
		return nil, nil, err
	}
	_, blob, err := versions.Split(answer["ciphertext"])
	if err != nil {
		return nil, nil, v.notOurs(errNotWrapped)
	}
	wrapped, err := decodeWrapped(blob)
	if err != nil {
		return nil, nil, v.notOurs(err)
	}
	key, err := decodeKey([]byte(answer["plaintext"]))
	return key, wrapped, err
}

// Unwrap implements [Keys] by decrypt.
func (v *Vault) Unwrap(ctx context.Context, wrapped []byte, c Contexts) (*[envelope.KeySize]byte, error) {
	answer, err := v.write(ctx, "decrypt", envelope.FileKeyContext(nil, c.Entries), map[string]any{
		"ciphertext": base64.StdEncoding.EncodeToString(wrapped),
	})
	if err != nil {
		return nil, err
	}
	return decodeKey([]byte(answer["plaintext"]))
}

// OpenText implements [Keys] by decrypt.
func (v *Vault) OpenText(ctx context.Context, ciphertext string, c Contexts) ([]byte, error) {
	more := map[string]any{"ciphertext": ciphertext}
	for field, value := range map[string]string{"context": c.Context, "associated_data": c.AssociatedData} {
		if value != "" {
			more[field] = value
		}
	}
	answer, err := v.write(ctx, "decrypt", c.Entries, more)
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(answer["plaintext"])
}

// write writes to a path of the key, and returns the strings of the answer, which must have a plaintext.
func (v *Vault) write(
	ctx context.Context, path string, c kmsapi.EncryptionContext, fields map[string]any,
) (map[string]string, error) {
	if len(c) > 0 {
		fields = maps.Clone(fields)
		fields["encryption_context"] = c
	}
	path = v.mount + "/" + path + "/" + v.key
	answer, err := v.client.Logical().WriteWithContext(ctx, path, fields)
	if err != nil {
		return nil, &unanswered{vaultkey.Explain(path, err)}
	}
	found := map[string]string{}
	if answer != nil {
		for name, value := range answer.Data {
			if text, ok := value.(string); ok {
				found[name] = text
			}
		}
	}
	if _, ok := found["plaintext"]; !ok {
		return nil, v.notOurs(fmt.Errorf("the answer to %s has no plaintext", path))
	}
	return found, nil
}

func (v *Vault) notOurs(err error) error {
	return fmt.Errorf("%w: is the secrets engine for Alibaba Cloud KMS mounted at %s/?", err, v.mount)
}

// unanswered says why there is no answer, in one line that is safe on a terminal: Vault may have written it.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return terminal.Escape(u.err.Error(), "") }

func (u *unanswered) Unwrap() error { return u.err }

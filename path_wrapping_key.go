package alicloudkms

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

const (
	// wrappingKeyPath is the storage path of the wrapping key, seal-wrapped.
	wrappingKeyPath = "wrapping-key"
	wrappingKeyBits = 4096
	// wrappingKeyTimeout bounds the generation of a new wrapping key, which takes seconds, and the storage calls for
	// it.
	wrappingKeyTimeout = 2 * time.Minute
)

// A storedWrappingKey is the wrapping key in storage, as JSON under wrappingKeyPath.
type storedWrappingKey struct {
	// PKCS8 is the private key's DER.
	PKCS8 []byte `json:"pkcs8"`
}

func (b *backend) wrappingKeyPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "wrapping_key",
		Operations: operations{
			// The read may store a new key, so not every node can run it.
			logical.ReadOperation: primaryOnly(b.wrappingKeyRead, "read", "wrapping-key",
				answerFields{"public_key": {Type: framework.TypeString}}),
		},
		HelpSynopsis: "The public key that key material is wrapped with on its way to import.",
		HelpDescription: `
Read the RSA-4096 public key, in PEM, with which key material for keys/NAME/import is wrapped. Each mount
has its own, made at the first read and kept from then on. vault transit import reads it automatically.

    vault read -field=public_key alicloudkms/wrapping_key
`,
	}}
}

func (b *backend) wrappingKeyRead(
	ctx context.Context, req *logical.Request, _ *framework.FieldData,
) (*logical.Response, error) {
	key, err := b.wrappingKey(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	public, err := publicPEM(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"public_key": public}}, nil
}

func publicPEM(key *rsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", err
	}
	return pemOf(der), nil
}

// pemOf writes a SubjectPublicKeyInfo in PEM.
func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// wrappingKey returns the stored key, and makes it if there is none. Concurrent requests get the same one, which is
// made and stored even if all of them are cancelled: a key that was shown to one of them must not be lost.
func (b *backend) wrappingKey(ctx context.Context, s logical.Storage) (*rsa.PrivateKey, error) {
	key, err := loadWrappingKey(ctx, s)
	if err != nil || key != nil {
		return key, err
	}
	made := b.wrapping.DoChan(wrappingKeyPath, func() (any, error) {
		kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), wrappingKeyTimeout)
		defer cancel()
		return b.makeWrappingKey(kept, s)
	})
	select {
	case result := <-made:
		key, _ = result.Val.(*rsa.PrivateKey)
		return key, result.Err
	case <-ctx.Done():
		return nil, refusal.Unavailable("the wrapping key is being made, which takes some seconds; try again")
	}
}

// makeWrappingKey makes and stores the key, unless another request has done so meanwhile.
func (b *backend) makeWrappingKey(ctx context.Context, s logical.Storage) (*rsa.PrivateKey, error) {
	key, err := loadWrappingKey(ctx, s)
	if err != nil || key != nil {
		return key, err
	}
	key, err = rsa.GenerateKey(rand.Reader, wrappingKeyBits)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	stored, err := logical.StorageEntryJSON(wrappingKeyPath, storedWrappingKey{PKCS8: der})
	if err != nil {
		return nil, err
	}
	if err := s.Put(ctx, stored); err != nil {
		return nil, err
	}
	b.Logger().Info("the wrapping key was made", "bits", wrappingKeyBits)
	return key, nil
}

// loadWrappingKey reads the key from storage, and returns nil if there is none. A damaged key is an error and is never
// replaced: material wrapped with it would be lost. It is not cached, because an import is rare and a private key in
// memory is a risk.
func loadWrappingKey(ctx context.Context, s logical.Storage) (*rsa.PrivateKey, error) {
	entry, err := s.Get(ctx, wrappingKeyPath)
	if err != nil || entry == nil {
		return nil, err
	}
	var stored storedWrappingKey
	if err := entry.DecodeJSON(&stored); err != nil {
		return nil, damagedWrappingKey(errors.New("it is not the expected JSON"))
	}
	defer clear(stored.PKCS8)
	parsed, err := x509.ParsePKCS8PrivateKey(stored.PKCS8)
	if err != nil {
		return nil, damagedWrappingKey(errors.New("it is not a private key in PKCS #8"))
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() != wrappingKeyBits {
		return nil, damagedWrappingKey(fmt.Errorf("it is not an RSA key of %d bits", wrappingKeyBits))
	}
	return key, nil
}

func damagedWrappingKey(reason error) error {
	return fmt.Errorf("the stored wrapping key is damaged, and only a backup of Vault's storage can restore it: %w", reason)
}

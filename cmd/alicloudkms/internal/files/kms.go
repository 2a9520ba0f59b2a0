package files

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/call"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// KMS makes and opens data keys with credentials of KMS.
type KMS struct {
	Client *client.Client
	// Timeout is how long a call may take, including retries; 0 means no limit.
	Timeout time.Duration
	// KeyID is the KMS key that new data keys are wrapped with: its id, ARN or alias.
	KeyID string
	// OnlyKeyID is the id of the only KMS key that may have wrapped what is opened. Empty: any that the credentials may
	// use; Opened then gets its id.
	OnlyKeyID string
	Opened    func(keyID string)
}

// Generate implements [Keys] by GenerateDataKey.
func (k *KMS) Generate(ctx context.Context, c Contexts) (*[envelope.KeySize]byte, []byte, error) {
	made, err := ask[*kmsapi.GenerateDataKeyResponse](ctx, k, &kmsapi.GenerateDataKeyRequest{
		KeyId: k.KeyID, KeySpec: kmsapi.DataKeyAES256, EncryptionContext: envelope.FileKeyContext(c.Bound, c.Entries),
	})
	if err != nil {
		return nil, nil, err
	}
	wrapped, err := decodeWrapped(made.CiphertextBlob)
	if err != nil {
		return nil, nil, err
	}
	encoded := []byte(made.Plaintext.Reveal())
	defer clear(encoded)
	key, err := decodeKey(encoded)
	return key, wrapped, err
}

// ask sends a request, with the limit of time that a call has.
func ask[R kmsapi.Response](ctx context.Context, k *KMS, request kmsapi.Request) (answer R, err error) {
	if k.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, k.Timeout)
		defer cancel()
		ctx = limited
	}
	got, err := k.Client.Do(ctx, request)
	if err != nil {
		op := request.Operation()
		return answer, call.Explain(op, k.Client.EndpointOf(op), err)
	}
	return got.(R), nil
}

// Unwrap implements [Keys] by Decrypt.
func (k *KMS) Unwrap(ctx context.Context, wrapped []byte, c Contexts) (*[envelope.KeySize]byte, error) {
	return k.unwrap(ctx, wrapped, envelope.FileKeyContext(c.Bound, c.Entries))
}

func (k *KMS) unwrap(
	ctx context.Context, wrapped []byte, c kmsapi.EncryptionContext,
) (*[envelope.KeySize]byte, error) {
	encoded, err := k.decrypt(ctx, wrapped, c)
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	return decodeKey(encoded)
}

// What a refusal of a ciphertext may mean.
const (
	otherContexts = "KMS gives this answer for a ciphertext that was altered, and for contexts other than those that it was encrypted with"
	perhapsRSA    = "it is not a ciphertext of a symmetric KMS key. If it is of an RSA key, decrypt it with -vault, " +
		"or with alicloudkms call AsymmetricDecrypt"
)

// decrypt returns the plaintext of a blob, which is a string in base64.
func (k *KMS) decrypt(ctx context.Context, blob []byte, c kmsapi.EncryptionContext) ([]byte, error) {
	opened, err := ask[*kmsapi.DecryptResponse](ctx, k, &kmsapi.DecryptRequest{
		CiphertextBlob: base64.StdEncoding.EncodeToString(blob), EncryptionContext: c,
	})
	switch {
	case err != nil && !errors.Is(err, kmsapi.ErrInvalidParameter):
		return nil, err
	case err != nil && !beginsWithID(blob):
		return nil, fmt.Errorf("%w; %s", err, perhapsRSA)
	case err != nil:
		return nil, fmt.Errorf("%w; %s", err, otherContexts)
	case k.OnlyKeyID != "" && opened.KeyId != k.OnlyKeyID:
		return nil, fmt.Errorf("it was encrypted with the KMS key %q, not with %q", opened.KeyId, k.OnlyKeyID)
	case k.OnlyKeyID == "":
		k.Opened(opened.KeyId)
	}
	return []byte(opened.Plaintext.Reveal()), nil
}

// OpenText implements [Keys]: by Decrypt of the ciphertext, or of the data key in an envelope.
func (k *KMS) OpenText(ctx context.Context, ciphertext string, c Contexts) ([]byte, error) {
	_, encoded, err := versions.Split(ciphertext)
	if err != nil {
		return nil, err
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, errors.New("the ciphertext is not base64 after its prefix")
	}
	if envelope.IsMessage(blob) {
		return k.openMessage(ctx, blob, c)
	}
	return k.openDirect(ctx, blob, c)
}

func (k *KMS) openDirect(ctx context.Context, blob []byte, c Contexts) ([]byte, error) {
	encoded, err := k.decrypt(ctx, blob, c.ofDirect())
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	plaintext := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	n, err := base64.StdEncoding.Strict().Decode(plaintext, encoded)
	if err != nil {
		clear(plaintext)
		return nil, errors.New("what KMS has decrypted is not base64, so the engine did not encrypt it")
	}
	return plaintext[:n], nil
}

func (k *KMS) openMessage(ctx context.Context, message []byte, c Contexts) ([]byte, error) {
	m, err := envelope.Parse(message)
	if err != nil {
		return nil, err
	}
	secret, err := k.unwrap(ctx, m.Wrapped, envelope.DataKeyContext(c.Bound, m.ID, m.Version))
	if err != nil {
		return nil, err
	}
	key := newKey(secret)
	defer key.Clear()
	return key.Open(nil, m, c.ofMessage())
}

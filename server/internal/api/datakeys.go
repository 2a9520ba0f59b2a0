package api

import (
	"context"
	"encoding/base64"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// generateDataKey makes random bytes and encrypts their base64, so that Decrypt returns exactly Plaintext (§4.12).
func (a *API) generateDataKey(
	ctx context.Context, inv *Invocation, r *kmsapi.GenerateDataKeyRequest,
) (*kmsapi.GenerateDataKeyResponse, error) {
	key, err := a.newDataKey(r.KeySpec, r.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plaintext := base64.StdEncoding.EncodeToString(key)
	sealed, err := a.seal(ctx, inv, r.KeyId, plaintext, r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GenerateDataKeyResponse{
		KeyId: sealed.keyID, KeyVersionId: sealed.versionID, CiphertextBlob: sealed.blob,
		Plaintext: kmsapi.NewSecret(plaintext).ForWire(),
	}, nil
}

// generateDataKeyWithoutPlaintext is generateDataKey with only the ciphertext in its answer.
func (a *API) generateDataKeyWithoutPlaintext(
	ctx context.Context, inv *Invocation, r *kmsapi.GenerateDataKeyWithoutPlaintextRequest,
) (*kmsapi.GenerateDataKeyWithoutPlaintextResponse, error) {
	key, err := a.newDataKey(r.KeySpec, r.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	sealed, err := a.seal(ctx, inv, r.KeyId, base64.StdEncoding.EncodeToString(key), r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GenerateDataKeyWithoutPlaintextResponse{
		KeyId: sealed.keyID, KeyVersionId: sealed.versionID, CiphertextBlob: sealed.blob,
	}, nil
}

// newDataKey returns random bytes, which the caller clears. Their number is bytes, or given by spec if bytes is 0.
func (a *API) newDataKey(spec string, bytes int) ([]byte, error) {
	key := make([]byte, dataKeyLength(spec, bytes))
	_, err := io.ReadFull(a.rand, key)
	return key, err
}

// dataKeyLength returns the length of a data key in bytes: NumberOfBytes takes precedence over KeySpec.
func dataKeyLength(spec string, bytes int) int {
	switch {
	case bytes > 0:
		return bytes
	case spec == kmsapi.DataKeyAES128:
		return 16
	default:
		return 32
	}
}

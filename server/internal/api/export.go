package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// exportDataKey decrypts a data key, and encrypts its bytes with the caller's public key.
func (a *API) exportDataKey(
	ctx context.Context, inv *Invocation, r *kmsapi.ExportDataKeyRequest,
) (*kmsapi.ExportDataKeyResponse, error) {
	to, err := a.parseRecipient(r.PublicKeyBlob, r.WrappingKeySpec, r.WrappingAlgorithm)
	if err != nil {
		return nil, err
	}
	from, plaintext, err := a.open(ctx, inv, r.CiphertextBlob, r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	key := dataKeyBytes(plaintext)
	defer clear(key)
	if len(key) > to.most {
		return nil, kmsapi.InvalidParameter(ciphertextParam, to.tooLong("What it holds"))
	}
	exported, err := to.wrap(key)
	if err != nil {
		return nil, err
	}
	return &kmsapi.ExportDataKeyResponse{
		KeyId: from.cmk.KeyID, KeyVersionId: from.version.ID, ExportedDataKey: exported,
	}, nil
}

// generateAndExportDataKey makes a data key, and encrypts it with a CMK and with the caller's public key.
func (a *API) generateAndExportDataKey(
	ctx context.Context, inv *Invocation, r *kmsapi.GenerateAndExportDataKeyRequest,
) (*kmsapi.GenerateAndExportDataKeyResponse, error) {
	to, err := a.parseRecipient(r.PublicKeyBlob, r.WrappingKeySpec, r.WrappingAlgorithm)
	if err != nil {
		return nil, err
	}
	if r.NumberOfBytes > to.most {
		return nil, kmsapi.InvalidParameter("NumberOfBytes", to.tooLong("The data key"))
	}
	key, err := a.newDataKey(r.KeySpec, r.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	sealed, err := a.seal(ctx, inv, r.KeyId, base64.StdEncoding.EncodeToString(key), r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	exported, err := to.wrap(key)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GenerateAndExportDataKeyResponse{
		KeyId: sealed.keyID, KeyVersionId: sealed.versionID, CiphertextBlob: sealed.blob, ExportedDataKey: exported,
	}, nil
}

// dataKeyBytes returns the bytes of a data key, which a ciphertext contains as base64. Any other string, which Encrypt
// accepts too, is returned as its own bytes.
func dataKeyBytes(text []byte) []byte {
	key := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Strict().Decode(key, text)
	if err != nil || bytes.ContainsAny(text, "\r\n") { // The decoder skips line breaks, which no data key has.
		clear(key)
		return append(key[:0], text...)
	}
	return key[:n]
}

// A recipient is the caller's public key, with the algorithm to use it with.
type recipient struct {
	public    wrapping.PublicKey
	algorithm string
	// most is the largest number of bytes that can be wrapped.
	most int
}

// parseRecipient reads the parameters that name a recipient.
func (a *API) parseRecipient(blob, spec, algorithm string) (recipient, error) {
	if spec != kmsapi.WrappingKeySpec(algorithm) {
		return recipient{}, kmsapi.InvalidParameter("WrappingAlgorithm", "A key of "+spec+" can't be used with it.")
	}
	if err := a.checkWrap(algorithm); err != nil {
		return recipient{}, err
	}
	public, err := wrapping.ParsePublic(spec, blob)
	if err != nil {
		return recipient{}, kmsapi.InvalidParameter("PublicKeyBlob",
			"It must be base64 of a DER SubjectPublicKeyInfo, but "+err.Error()+".")
	}
	if a.fips && !public.Approved() {
		return recipient{}, kmsapi.InvalidParameter("PublicKeyBlob",
			"FIPS 140-3 approves only keys with an exponent above 65536, and this service uses no others.")
	}
	return recipient{public, algorithm, public.MaxWrapped(algorithm)}, nil
}

func (to recipient) wrap(key []byte) (string, error) {
	wrapped, err := to.public.Wrap(to.algorithm, key)
	return base64.StdEncoding.EncodeToString(wrapped), err
}

// tooLong returns the sentence for a caller whose data, called what, is too long to be wrapped.
func (to recipient) tooLong(what string) string {
	return fmt.Sprintf("%s must have at most %d bytes to be wrapped with %s.", what, to.most, to.algorithm)
}

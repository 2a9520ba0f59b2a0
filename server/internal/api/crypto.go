package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
)

// decodeBlob is strict: a blob has exactly one accepted encoding. The decoder alone would skip line breaks.
func decodeBlob(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errCiphertext
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errCiphertext
	}
	return blob, nil
}

// encrypt encrypts the Plaintext parameter as it is: to KMS it is a string, base64 only by custom (§4.11).
func (a *API) encrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.EncryptRequest,
) (*kmsapi.EncryptResponse, error) {
	if plaintextSize(r.Plaintext.Reveal()) > kmsapi.MaxPlaintext {
		return nil, kmsapi.InvalidParameter("Plaintext", fmt.Sprintf(
			"It must have at most %d bytes; for more, encrypt locally with a key from GenerateDataKey.", kmsapi.MaxPlaintext))
	}
	sealed, err := a.seal(ctx, inv, r.KeyId, r.Plaintext.Reveal(), r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	return &kmsapi.EncryptResponse{KeyId: sealed.keyID, KeyVersionId: sealed.versionID, CiphertextBlob: sealed.blob}, nil
}

// plaintextSize is what the limit of Encrypt counts: decoded bytes where Plaintext is base64, else its own.
func plaintextSize(text string) int {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // The decoder skips any number of line breaks.
		return len(text)
	}
	return len(decoded)
}

// generateDataKey makes random bytes and encrypts their base64, so that Decrypt returns exactly Plaintext (§4.12).
func (a *API) generateDataKey(
	ctx context.Context, inv *Invocation, r *kmsapi.GenerateDataKeyRequest,
) (*kmsapi.GenerateDataKeyResponse, error) {
	key := make([]byte, dataKeyLength(r))
	defer clear(key)
	if _, err := io.ReadFull(a.rand, key); err != nil {
		return nil, err
	}
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

// dataKeyLength is the length of a data key in bytes: NumberOfBytes wins over KeySpec.
func dataKeyLength(r *kmsapi.GenerateDataKeyRequest) int {
	switch {
	case r.NumberOfBytes > 0:
		return r.NumberOfBytes
	case r.KeySpec == kmsapi.DataKeyAES128:
		return 16
	default:
		return 32
	}
}

// decrypt opens a ciphertext by the key version that it names (§4.13).
func (a *API) decrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.DecryptRequest,
) (*kmsapi.DecryptResponse, error) {
	blob, err := decodeBlob(r.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	versionID, err := crypt.BlobVersionID(blob)
	if err != nil {
		return nil, errCiphertext
	}
	cmk, version, err := a.findVersion(ctx, inv, versionID)
	if err != nil {
		return nil, err
	}
	material, err := a.keys.Material(inv.scope(), cmk.KeyID, version)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	plaintext, err := material.Open(blob, r.EncryptionContext)
	if err != nil {
		return nil, errCiphertext
	}
	defer clear(plaintext)
	return &kmsapi.DecryptResponse{
		KeyId: cmk.KeyID, KeyVersionId: versionID, Plaintext: kmsapi.NewSecret(string(plaintext)).ForWire(),
	}, nil
}

// errCiphertext is the one answer to every ciphertext that does not open, whatever is wrong with it or with its
// context.
var errCiphertext = kmsapi.InvalidParameter("CiphertextBlob",
	"It is not a ciphertext of this service, or the EncryptionContext is not the one it was made with.")

// ciphertext is what seal makes.
type ciphertext struct{ keyID, versionID, blob string }

// seal encrypts text with the primary version of a CMK, if the operation is allowed in its state.
func (a *API) seal(
	ctx context.Context, inv *Invocation, keyID, text string, encCtx kmsapi.EncryptionContext,
) (ciphertext, error) {
	cmk, err := a.findForUse(ctx, inv, byIDOrAlias(keyID))
	if err != nil {
		return ciphertext{}, err
	}
	material, err := a.keys.Material(inv.scope(), cmk.KeyID, cmk.Primary)
	if err != nil {
		return ciphertext{}, err
	}
	defer material.Clear()
	blob, err := material.Seal(cmk.Primary.ID, []byte(text), encCtx)
	if err != nil {
		return ciphertext{}, err
	}
	return ciphertext{cmk.KeyID, cmk.Primary.ID, base64.StdEncoding.EncodeToString(blob)}, nil
}

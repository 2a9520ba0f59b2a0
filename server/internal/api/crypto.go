package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
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

// encrypt encrypts the Plaintext parameter as it is: to KMS it is a string, which is base64 only by convention (§4.11).
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

// plaintextSize returns the size that the limit of Encrypt applies to: the decoded bytes if Plaintext is base64, and
// the bytes of the string itself otherwise.
func plaintextSize(text string) int {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // The decoder skips any number of line breaks.
		return len(text)
	}
	return len(decoded)
}

// decrypt opens a ciphertext with the key version that it names (§4.13).
func (a *API) decrypt(
	ctx context.Context, inv *Invocation, r *kmsapi.DecryptRequest,
) (*kmsapi.DecryptResponse, error) {
	from, plaintext, err := a.open(ctx, inv, r.CiphertextBlob, r.EncryptionContext)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return &kmsapi.DecryptResponse{
		KeyId: from.cmk.KeyID, KeyVersionId: from.version.ID, Plaintext: kmsapi.NewSecret(string(plaintext)).ForWire(),
	}, nil
}

// keyVersion is a version of a CMK.
type keyVersion struct {
	cmk     *keyring.CMK
	version keyring.Version
}

// open opens a ciphertext with the key version that it names, if the operation is allowed in the state of its CMK. The
// caller clears the plaintext.
func (a *API) open(
	ctx context.Context, inv *Invocation, text string, encCtx kmsapi.EncryptionContext,
) (from keyVersion, plaintext []byte, err error) {
	blob, versionID, err := parseBlob(text)
	if err != nil {
		return from, nil, err
	}
	if from.cmk, from.version, err = a.findVersion(ctx, inv, versionID); err != nil {
		return from, nil, err
	}
	plaintext, err = a.openWith(inv, from, blob, encCtx)
	return from, plaintext, err
}

// openWith opens a ciphertext with a version of a CMK. The caller clears the plaintext.
func (a *API) openWith(
	inv *Invocation, from keyVersion, blob []byte, encCtx kmsapi.EncryptionContext,
) ([]byte, error) {
	material, err := a.keys.Material(inv.scope(), from.cmk, from.version)
	if err != nil {
		return nil, err
	}
	defer material.Clear()
	plaintext, err := material.Open(blob, encCtx)
	if err != nil {
		return nil, errCiphertext
	}
	return plaintext, nil
}

// parseBlob decodes a ciphertext, and returns the key version that it names.
func parseBlob(text string) (blob []byte, versionID string, err error) {
	if blob, err = decodeBlob(text); err != nil {
		return nil, "", err
	}
	if versionID, err = crypt.BlobVersionID(blob); err != nil {
		return nil, "", errCiphertext
	}
	return blob, versionID, nil
}

// errCiphertext is the only answer to a ciphertext that does not open, whatever is wrong with it or with its context.
var errCiphertext = kmsapi.InvalidParameter("CiphertextBlob",
	"It is not a ciphertext of this service, or the EncryptionContext is not the one it was made with.")

// ciphertext is the result of seal.
type ciphertext struct{ keyID, versionID, blob string }

// seal encrypts text with the primary version of a CMK, if the operation is allowed in its state.
func (a *API) seal(
	ctx context.Context, inv *Invocation, keyID, text string, encCtx kmsapi.EncryptionContext,
) (ciphertext, error) {
	cmk, err := a.findForUse(ctx, inv, byIDOrAlias(keyID))
	if err != nil {
		return ciphertext{}, err
	}
	return a.sealWith(inv, cmk, []byte(text), encCtx)
}

// sealWith encrypts plaintext with the primary version of a CMK.
func (a *API) sealWith(
	inv *Invocation, cmk *keyring.CMK, plaintext []byte, encCtx kmsapi.EncryptionContext,
) (ciphertext, error) {
	material, err := a.keys.Material(inv.scope(), cmk, cmk.Primary)
	if err != nil {
		return ciphertext{}, err
	}
	defer material.Clear()
	blob, err := material.Seal(cmk.Primary.ID, plaintext, encCtx)
	if err != nil {
		return ciphertext{}, err
	}
	return ciphertext{cmk.KeyID, cmk.Primary.ID, base64.StdEncoding.EncodeToString(blob)}, nil
}

package client

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// EncryptBytes encrypts plaintext, up to [kmsapi.MaxPlaintext] bytes (§4.11). KMS encrypts strings, so the bytes are
// sent in base64, as by every SDK. keyID is a key's id or an alias. The result is KMS's CiphertextBlob.
func (c *Client) EncryptBytes(
	ctx context.Context, keyID string, plaintext []byte, encCtx kmsapi.EncryptionContext,
) (ciphertextBlob string, err error) {
	answer, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{
		KeyId: keyID, Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(plaintext)), EncryptionContext: encCtx,
	})
	if err != nil {
		return "", err
	}
	return answer.CiphertextBlob, nil
}

// ErrNotBase64 says that KMS opened a ciphertext whose plaintext is not base64, so it was not made by
// [Client.EncryptBytes]. [Client.Decrypt] returns such a plaintext.
var ErrNotBase64 = errors.New("the decrypted string is not base64: it was not encrypted as bytes")

// DecryptBytes opens a ciphertext of [Client.EncryptBytes] or [Client.GenerateDataKey] (§4.13), and returns the id of
// the key that opened it. A ciphertext names its key, and any key that the credentials may use opens its own: compare
// keyID with the key that you expect.
func (c *Client) DecryptBytes(
	ctx context.Context, ciphertextBlob string, encCtx kmsapi.EncryptionContext,
) (plaintext []byte, keyID string, err error) {
	answer, err := c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: ciphertextBlob, EncryptionContext: encCtx})
	if err != nil {
		return nil, "", err
	}
	plaintext, err = base64.StdEncoding.DecodeString(answer.Plaintext.Reveal())
	if err != nil {
		return nil, answer.KeyId, ErrNotBase64
	}
	return plaintext, answer.KeyId, nil
}

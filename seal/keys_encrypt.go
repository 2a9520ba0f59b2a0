package seal

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"unicode/utf8"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxKeyCiphertext bounds a ciphertext, in bytes: the ciphertext of the longest plaintext has about 8 KiB. A longer one
// can't be genuine, and is not sent.
const maxKeyCiphertext = 32 << 10

var errOtherKeysCiphertext = errors.New("the ciphertext is not of this key: another KMS key encrypted it")

// encrypt returns KMS's CiphertextBlob without its base64. That makes transit's vault:v1:… the same as the secrets
// engine's.
func (k *key) encrypt(ctx context.Context, plaintext, additional []byte) ([]byte, error) {
	kms, err := k.client()
	if err != nil {
		return nil, err
	}
	if err := k.mustEncrypt(); err != nil {
		return nil, err
	}
	if len(plaintext) == 0 || len(plaintext) > kmsapi.MaxPlaintext {
		return nil, fmt.Errorf("KMS encrypts 1 to %d bytes, not %d", kmsapi.MaxPlaintext, len(plaintext))
	}
	encCtx, err := k.context(additional)
	if err != nil {
		return nil, err
	}
	answer, err := kms.Encrypt(ctx, &kmsapi.EncryptRequest{
		KeyId: k.name, EncryptionContext: encCtx,
		Plaintext: kmsapi.NewSecret(base64.StdEncoding.EncodeToString(plaintext)),
	})
	if err != nil {
		return nil, k.failed(kmsapi.OpEncrypt, err)
	}
	if answer.KeyId != k.id {
		return nil, errOtherAnswer
	}
	// Base64 that is not canonical could not be reproduced from its bytes.
	ciphertext, err := base64.StdEncoding.Strict().DecodeString(answer.CiphertextBlob)
	if err != nil {
		return nil, errors.New("KMS answered with a ciphertext that is not base64")
	}
	return ciphertext, nil
}

// decrypt drops the plaintext if another CMK made the ciphertext: KMS opens ciphertexts of every CMK that RAM allows.
func (k *key) decrypt(ctx context.Context, ciphertext, additional []byte) ([]byte, error) {
	kms, err := k.client()
	if err != nil {
		return nil, err
	}
	if err := k.mustEncrypt(); err != nil {
		return nil, err
	}
	if len(ciphertext) == 0 || len(ciphertext) > maxKeyCiphertext {
		return nil, fmt.Errorf("a ciphertext of KMS has 1 to %d bytes, not %d", maxKeyCiphertext, len(ciphertext))
	}
	encCtx, err := k.context(additional)
	if err != nil {
		return nil, err
	}
	answer, err := kms.Decrypt(ctx, &kmsapi.DecryptRequest{
		CiphertextBlob: base64.StdEncoding.EncodeToString(ciphertext), EncryptionContext: encCtx,
	})
	if err != nil {
		return nil, k.failed(kmsapi.OpDecrypt, err)
	}
	if answer.KeyId != k.id {
		return nil, errOtherKeysCiphertext
	}
	plaintext, err := base64.StdEncoding.DecodeString(answer.Plaintext.Reveal())
	if err != nil {
		return nil, errors.New("the ciphertext was made by another program: what it holds is not base64")
	}
	return plaintext, nil
}

// context returns the encryption context of a ciphertext. The entry for the additional data is set last, so that no
// other can replace it.
func (k *key) context(additional []byte) (kmsapi.EncryptionContext, error) {
	if len(additional) == 0 {
		return k.bound, nil
	}
	encCtx := kmsapi.EncryptionContext{}
	maps.Copy(encCtx, k.bound)
	encCtx[reserved.AssociatedData] = base64.StdEncoding.EncodeToString(additional)
	if utf8.RuneCountInString(encCtx.JSON()) > kmsapi.MaxEncryptionContext {
		return nil, fmt.Errorf("the additional data and the bound_context are too long: in base64 and JSON they may have %d characters",
			kmsapi.MaxEncryptionContext)
	}
	return encCtx, nil
}

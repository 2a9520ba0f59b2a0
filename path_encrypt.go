package alicloudkms

import (
	"context"
	"encoding/base64"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) encryptPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "encrypt/" + fields.KeyName.Pattern,
		Fields:  batchFields(encryptItem),
		Operations: operations{
			logical.UpdateOperation: anyNode(b.useKeyForItems(encryptItem, b.encrypt), "encrypt", "",
				batchAnswer(ciphertextAnswer)),
		},
		HelpSynopsis: "Encrypt up to 6 KB, or 4 MiB in envelope mode, or many such plaintexts at once.",
		HelpDescription: `
Encrypt data with a key. For more than 6144 bytes, use a key in envelope mode, or a data key (see
datakey/plaintext).

    vault write alicloudkms/encrypt/payroll plaintext="$(echo -n hello | base64)"
    vault write alicloudkms/encrypt/payroll plaintext="$(echo -n hello | base64)" encryption_context=employee=4711
    vault write alicloudkms/encrypt/payroll batch_input='[{"plaintext":"aGVsbG8=","reference":"a"},{"plaintext":"YnllCg=="}]'

A batch is answered with batch_results, in the order of its items. An item that fails has an error there.
`,
	}}
}

var encryptItem = fields.WithTransit(contextFields(fields.Schemas{
	"plaintext": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "What to encrypt, 1 to 6144 bytes, in base64; with a key in envelope mode, up to 4 MiB, or nothing.",
	},
	"key_version":    keyVersionField(),
	"padding_scheme": paddingField(),
}), "convergent_encryption", "nonce", "type")

var ciphertextAnswer = answerFields{
	"ciphertext":  {Type: framework.TypeString},
	"key_version": {Type: framework.TypeInt},
}

func (b *backend) encrypt(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	switch {
	case k.entry.isAsymmetric():
		return encryptWithPair(ctx, c, k, d)
	case k.entry.isEnvelope():
		return b.encryptMessage(ctx, c, k, d)
	default:
		return encryptInKMS(ctx, c, k, d)
	}
}

// encryptInKMS is encrypt for a symmetric key in direct mode.
func encryptInKMS(ctx context.Context, c *connection, k target, d *framework.FieldData) (itemAnswer, error) {
	plaintext, err := plaintextOf(d)
	if err != nil {
		return itemAnswer{}, err
	}
	if err := k.entry.checkKeyVersion(fields.Int(d, "key_version")); err != nil {
		return itemAnswer{}, err
	}
	encCtx, err := k.entry.encryptionContext(d)
	if err != nil {
		return itemAnswer{}, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId: k.entry.cmk(), Plaintext: plaintext, EncryptionContext: encCtx,
	})
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.warnOfPadding(k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), d), nil
}

// plaintextOf returns the base64 that KMS encrypts: what the caller gave, without line breaks.
func plaintextOf(d *framework.FieldData) (kmsapi.Secret, error) {
	data, err := fields.Base64("plaintext", fields.String(d, "plaintext"))
	switch {
	case err != nil:
		return kmsapi.Secret{}, err
	case len(data) == 0:
		return kmsapi.Secret{}, refusal.BadRequest(
			"plaintext is required and may not be empty: KMS encrypts 1 to %d bytes", kmsapi.MaxPlaintext)
	case len(data) > kmsapi.MaxPlaintext:
		return kmsapi.Secret{}, refusal.BadRequest(
			"plaintext is too long: it has %d bytes, and KMS encrypts %d; make the key one in envelope mode, or encrypt it yourself with a data key from datakey/plaintext",
			len(data), kmsapi.MaxPlaintext)
	}
	return kmsapi.NewSecret(base64.StdEncoding.EncodeToString(data)), nil
}

// ciphertext answers with a CiphertextBlob that KMS made with a version of a CMK.
func (e *keyEntry) ciphertext(cmk, keyVersionID, blob string) itemAnswer {
	n := e.numberOf(cmk, keyVersionID)
	return itemAnswer{ciphertext: versions.Join(n, blob), keyVersion: n}
}

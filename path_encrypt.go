package alicloudkms

import (
	"context"
	"encoding/base64"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// ciphertextPrefix precedes KMS's CiphertextBlob, so that a ciphertext has the three parts that transit's clients
	// expect.
	ciphertextPrefix = "vault:v1:"
	// keyVersion is the version in ciphertextPrefix. KMS itself knows which version of a CMK made a blob.
	keyVersion = 1
)

func (b *backend) encryptPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "encrypt/" + fields.KeyName.Pattern,
		Fields:  batchFields(encryptItem),
		Operations: operations{
			logical.UpdateOperation: anyNode(b.useKeyForItems(encryptItem, encrypt), "encrypt", "",
				batchAnswer(ciphertextAnswer)),
		},
		HelpSynopsis: "Encrypt up to 6 KB, or many such plaintexts at once.",
		HelpDescription: `
Encrypt data with a key. For more than 6144 bytes, use a data key (see datakey/plaintext).

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
		Description:  "What to encrypt, 1 to 6144 bytes, in base64.",
	},
}), "convergent_encryption", "key_version", "nonce", "padding_scheme", "type")

var ciphertextAnswer = answerFields{
	"ciphertext":  {Type: framework.TypeString},
	"key_version": {Type: framework.TypeInt},
}

func encrypt(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	plaintext, err := plaintextOf(d)
	if err != nil {
		return nil, err
	}
	encCtx, err := k.entry.encryptionContext(d)
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId: k.entry.cmk(), Plaintext: plaintext, EncryptionContext: encCtx,
	})
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: ciphertextData(answer.CiphertextBlob)}, nil
}

// plaintextOf returns the base64 that KMS encrypts: what the caller gave, without line breaks.
func plaintextOf(d *framework.FieldData) (kmsapi.Secret, error) {
	data, err := fields.Base64("plaintext", d.Get("plaintext").(string))
	switch {
	case err != nil:
		return kmsapi.Secret{}, err
	case len(data) == 0:
		return kmsapi.Secret{}, refusal.BadRequest(
			"plaintext is required and may not be empty: KMS encrypts 1 to %d bytes", kmsapi.MaxPlaintext)
	case len(data) > kmsapi.MaxPlaintext:
		return kmsapi.Secret{}, refusal.BadRequest(
			"plaintext is too long: it has %d bytes, and KMS encrypts %d; encrypt it yourself with a data key from datakey/plaintext",
			len(data), kmsapi.MaxPlaintext)
	}
	return kmsapi.NewSecret(base64.StdEncoding.EncodeToString(data)), nil
}

func ciphertextData(blob string) map[string]any {
	return map[string]any{"ciphertext": ciphertextPrefix + blob, "key_version": keyVersion}
}

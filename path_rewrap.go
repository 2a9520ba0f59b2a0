package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) rewrapPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "rewrap/" + fields.KeyName.Pattern,
		Fields:  batchFields(rewrapItem),
		Operations: operations{
			logical.UpdateOperation: anyNode(b.useKeyForItems(rewrapItem, b.rewrap), "rewrap", "",
				batchAnswer(ciphertextAnswer)),
		},
		HelpSynopsis: "Encrypt a ciphertext again, without showing its plaintext.",
		HelpDescription: `
Decrypt a ciphertext and encrypt it again with the newest version of the same key, encryption_context and
associated_data. The caller never sees the plaintext, so it needs no permission to decrypt.

    vault write alicloudkms/rewrap/payroll ciphertext=vault:v1:...
    vault write alicloudkms/rewrap/payroll batch_input='[{"ciphertext":"vault:v1:..."},{"ciphertext":"vault:v1:..."}]'

It takes two calls to KMS for each item. The old ciphertext stays valid.
`,
	}}
}

var rewrapItem = joined(decryptItem, fields.Schemas{"key_version": keyVersionField()})

// rewrap encrypts exactly what KMS decrypted, base64 or not, so that what another program encrypted does not change.
func (b *backend) rewrap(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (*logical.Response, error) {
	if err := k.entry.checkKeyVersion(d.Get("key_version").(int)); err != nil {
		return nil, err
	}
	opened, err := b.openCiphertext(ctx, c, k, d)
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId: k.entry.cmk(), Plaintext: opened.plaintext, EncryptionContext: opened.encCtx,
	})
	if err != nil {
		return nil, err
	}
	return k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), nil
}

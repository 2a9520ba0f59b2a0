package alicloudkms

import (
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) rewrapPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "rewrap/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Fields:       batchFields(decryptItem),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: reads(b.useKeyForItems(decryptItem, b.rewrap), "rewrap", "", batchAnswer(ciphertextAnswer)),
		},
		HelpSynopsis: "Encrypt a ciphertext anew, without showing its plaintext.",
		HelpDescription: `
Decrypt a ciphertext and encrypt it again with the newest version of the same key, encryption_context and
associated_data. The caller never sees the plaintext, so it needs no permission to decrypt.

    vault write alicloudkms/rewrap/payroll ciphertext=vault:v1:...
    vault write alicloudkms/rewrap/payroll batch_input='[{"ciphertext":"vault:v1:..."},{"ciphertext":"vault:v1:..."}]'

It takes two calls to KMS for each item. The old ciphertext stays good.
`,
	}}
}

// rewrap gives KMS the text that it opened, whatever that is, so that what another program encrypted is kept as it is.
func (b *backend) rewrap(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	opened, err := b.openCiphertext(ctx, c, k, d)
	if err != nil {
		return nil, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId: k.entry.KeyID, Plaintext: opened.text, EncryptionContext: opened.context,
	})
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: ciphertextData(answer.CiphertextBlob)}, nil
}

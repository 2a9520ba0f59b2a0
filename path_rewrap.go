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
Encrypt a ciphertext again with the newest version of the same key, with the same encryption_context, context
and associated_data. The caller never sees the plaintext, so it needs no permission to decrypt.

    vault write alicloudkms/rewrap/payroll ciphertext=vault:v1:...
    vault write alicloudkms/rewrap/payroll batch_input='[{"ciphertext":"vault:v1:..."},{"ciphertext":"vault:v1:..."}]'

In direct mode KMS does it in one call (ReEncrypt), so Vault does not see the plaintext either. Where RAM does not
allow that, the engine decrypts and encrypts. The old ciphertext stays valid.
`,
	}}
}

var rewrapItem = joined(decryptItem, fields.Schemas{"key_version": keyVersionField()})

// rewrap encrypts exactly what KMS decrypts, base64 or not, so that a plaintext of another program does not change.
func (b *backend) rewrap(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	if k.entry.isAsymmetric() {
		return k.entry.rewrapWithPair(ctx, c, d)
	}
	if _, ok := messageIn(d, "ciphertext"); ok || k.entry.isEnvelope() {
		return b.rewrapBetween(ctx, c, k, d)
	}
	if err := k.entry.checkKeyVersion(fields.Int(d, "key_version")); err != nil {
		return itemAnswer{}, err
	}
	sealed, err := k.entry.sealedBlob(d)
	if err != nil {
		return itemAnswer{}, err
	}
	if k.entry.opensOver(c, sealed.blob) != c { // For ReEncrypt, both CMKs must be at one gateway.
		return sealed.openAndEncrypt(ctx, c, k)
	}
	return shortcut{
		op:        kmsapi.OpReEncrypt,
		take:      func() (itemAnswer, error) { return sealed.reEncrypt(ctx, c, k) },
		otherwise: func() (itemAnswer, error) { return sealed.openAndEncrypt(ctx, c, k) },
		instead:   "It does not need kms:Decrypt and kms:Encrypt where RAM allows kms:ReEncryptFrom and kms:ReEncryptTo on the KMS key.",
	}.run(b, c, k)
}

// reEncrypt has KMS decrypt and encrypt in one call, and drops the new ciphertext unless the key may open the old one.
// KMS's answer names the version that decrypted, not the one that encrypted.
func (s sealedBlob) reEncrypt(ctx context.Context, c *connection, k target) (itemAnswer, error) {
	answer, err := call(ctx, c, &kmsapi.ReEncryptRequest{
		CiphertextBlob: s.blob, SourceEncryptionContext: s.encCtx,
		DestinationKeyId: k.entry.cmk(), DestinationEncryptionContext: s.encCtx,
	})
	if err == nil {
		err = k.mayOpen(answer.KeyId, answer.KeyVersionId, answer.ID())
	}
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.ciphertext(k.entry.KeyID, k.entry.versions.NewestRow().KeyVersionID, answer.CiphertextBlob), nil
}

func (s sealedBlob) openAndEncrypt(ctx context.Context, c *connection, k target) (itemAnswer, error) {
	plaintext, err := s.open(ctx, c, k)
	if err != nil {
		return itemAnswer{}, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId: k.entry.cmk(), Plaintext: plaintext, EncryptionContext: s.encCtx,
	})
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), nil
}

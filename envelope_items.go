package alicloudkms

import (
	"context"
	"encoding/base64"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// encryptMessage is encrypt for a key in envelope mode.
func (b *backend) encryptMessage(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	plaintext, err := messageOf(d)
	if err != nil {
		return itemAnswer{}, err
	}
	sealed, err := b.sealItem(ctx, c, k, d, plaintext)
	return k.entry.warnOfPadding(sealed, d), err
}

// messageOf returns the plaintext of an item, which may be empty, but must be given.
func messageOf(d *framework.FieldData) ([]byte, error) {
	if _, ok := d.Raw["plaintext"]; !ok {
		return nil, refusal.BadRequest("plaintext is required")
	}
	encoded := fields.String(d, "plaintext")
	if base64.StdEncoding.DecodedLen(len(encoded)) > maxMessage+2 { // The last 4 characters may hold only 1 byte.
		return nil, tooLongMessage("plaintext")
	}
	plaintext, err := fields.Base64("plaintext", encoded)
	if err == nil && len(plaintext) > maxMessage {
		err = tooLongMessage("plaintext")
	}
	return plaintext, err
}

// sealItem encrypts an item with the data key and contexts that it asks for.
func (b *backend) sealItem(
	ctx context.Context, c *connection, k target, d *framework.FieldData, plaintext []byte,
) (itemAnswer, error) {
	row, err := k.entry.chooseDataKey(fields.Int(d, "key_version"))
	if err != nil {
		return itemAnswer{}, err
	}
	contexts, err := k.entry.messageContext(d)
	if err != nil {
		return itemAnswer{}, err
	}
	ciphertext, err := b.seal(ctx, c, k, row, contexts, plaintext)
	return itemAnswer{ciphertext: ciphertext, keyVersion: row.version}, err
}

// decryptMessage is decrypt for a ciphertext of envelope mode.
func (b *backend) decryptMessage(
	ctx context.Context, c *connection, k target, d *framework.FieldData, made messageText,
) (itemAnswer, error) {
	plaintext, err := b.unsealItem(ctx, c, k, d, made)
	if err != nil {
		return itemAnswer{}, err
	}
	encoded := base64.StdEncoding.EncodeToString(plaintext)
	return k.entry.warnOfPadding(itemAnswer{plaintext: &encoded}, d), nil
}

func (b *backend) unsealItem(
	ctx context.Context, c *connection, k target, d *framework.FieldData, made messageText,
) ([]byte, error) {
	sealed, err := k.entry.sealedText(made, d)
	if err != nil {
		return nil, err
	}
	return b.unseal(ctx, c, k, sealed)
}

// rewrapBetween is rewrap where the old or the new ciphertext is of envelope mode, so that ReEncrypt can't be used.
func (b *backend) rewrapBetween(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	if k.entry.isEnvelope() {
		plaintext, err := b.openItem(ctx, c, k, d)
		if err != nil {
			return itemAnswer{}, err
		}
		return b.sealItem(ctx, c, k, d, plaintext)
	}
	if err := k.entry.checkKeyVersion(fields.Int(d, "key_version")); err != nil {
		return itemAnswer{}, err
	}
	plaintext, err := b.openItem(ctx, c, k, d)
	if err != nil {
		return itemAnswer{}, err
	}
	if len(plaintext) == 0 || len(plaintext) > kmsapi.MaxPlaintext {
		return itemAnswer{}, refusal.BadRequest(
			"the plaintext has %d bytes, and KMS encrypts 1 to %d: only a key in envelope mode can rewrap it",
			len(plaintext), kmsapi.MaxPlaintext)
	}
	encCtx, err := k.entry.encryptionContext(d)
	if err != nil {
		return itemAnswer{}, err
	}
	answer, err := call(ctx, c, &kmsapi.EncryptRequest{
		KeyId:             k.entry.cmk(),
		Plaintext:         kmsapi.NewSecret(base64.StdEncoding.EncodeToString(plaintext)),
		EncryptionContext: encCtx,
	})
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), nil
}

// openItem returns the plaintext of an item of either mode, as decrypt would.
func (b *backend) openItem(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) ([]byte, error) {
	if made, ok := messageIn(d, "ciphertext"); ok {
		return b.unsealItem(ctx, c, k, d, made)
	}
	sealed, err := k.entry.sealedBlob(d)
	if err != nil {
		return nil, err
	}
	opened, err := sealed.open(ctx, c, k)
	if err != nil {
		return nil, err
	}
	plaintext := opened.Reveal()
	if !isBase64(plaintext) {
		return []byte(plaintext), nil
	}
	return base64.StdEncoding.DecodeString(plaintext)
}

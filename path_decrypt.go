package alicloudkms

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxCiphertext bounds a ciphertext, in bytes. The longest plaintext makes about 11 KB; a ciphertext above the bound
// did not come from KMS, and is not sent there.
const maxCiphertext = 64 * 1024

func (b *backend) decryptPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "decrypt/" + fields.KeyName.Pattern,
		Fields:  batchFields(decryptItem),
		Operations: operations{
			logical.UpdateOperation: anyNode(b.useKeyForItems(decryptItem, b.decrypt), "decrypt", "", batchAnswer(answerFields{
				"plaintext": {Type: framework.TypeString},
			})),
		},
		HelpSynopsis: "Decrypt what the same key has encrypted.",
		HelpDescription: `
Decrypt a ciphertext. Only the key that made it opens it, with the same encryption_context and
associated_data. The plaintext is base64.

    vault write alicloudkms/decrypt/payroll ciphertext=vault:v1:...
    vault write -field=plaintext alicloudkms/decrypt/payroll ciphertext=vault:v1:... | base64 -d
    vault write alicloudkms/decrypt/payroll batch_input='[{"ciphertext":"vault:v1:..."},{"ciphertext":"vault:v1:..."}]'
`,
	}}
}

// decryptItem is an item of decrypt.
var decryptItem = fields.WithTransit(contextFields(fields.Schemas{
	"ciphertext": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  `What encrypt or datakey answered, or a CiphertextBlob of KMS.`,
	},
}), "context", "key_version", "nonce", "padding_scheme")

func (b *backend) decrypt(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (*logical.Response, error) {
	opened, err := b.openCiphertext(ctx, c, k, d)
	if err != nil {
		return nil, err
	}
	return plaintextAnswer(opened.plaintext), nil
}

// An openedBlob is what KMS decrypted, with the encryption context that it was bound to.
type openedBlob struct {
	plaintext kmsapi.Secret
	encCtx    kmsapi.EncryptionContext
}

// openCiphertext drops the plaintext unless one of the key's own CMKs made the ciphertext, with a version that the key
// opens: KMS opens those of every CMK that the account may use.
func (b *backend) openCiphertext(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (openedBlob, error) {
	blob, err := blobOf(d.Get("ciphertext").(string))
	if err != nil {
		return openedBlob{}, err
	}
	encCtx, err := k.entry.encryptionContext(d)
	if err != nil {
		return openedBlob{}, err
	}
	answer, err := call(ctx, c, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: encCtx})
	if err != nil {
		return openedBlob{}, err
	}
	if !k.entry.versions.Has(answer.KeyId) {
		return openedBlob{}, &foreignError{requestID: answer.ID()}
	}
	if !k.entry.versions.Opens(answer.KeyId, answer.KeyVersionId, k.entry.MinDecryption) {
		return openedBlob{}, tooOld(k.entry.numberOf(answer.KeyId, answer.KeyVersionId), k)
	}
	return openedBlob{answer.Plaintext, encCtx}, nil
}

// blobOf returns KMS's CiphertextBlob.
func blobOf(ciphertext string) (string, error) {
	_, blob, err := versions.Split(ciphertext)
	switch {
	case err != nil:
		return "", refusal.BadRequest("ciphertext is malformed: %s", err)
	case blob == "":
		return "", refusal.BadRequest("ciphertext is required")
	case len(blob) > maxCiphertext:
		return "", refusal.BadRequest("ciphertext is too long: no ciphertext of KMS has more than %d bytes", maxCiphertext)
	case !input.IsBase64(blob):
		return "", refusal.BadRequest(
			"ciphertext must be vault:vN: followed by a CiphertextBlob of KMS in base64, or the CiphertextBlob alone%s",
			fields.FileHint("ciphertext", ciphertext))
	default:
		return blob, nil
	}
}

// plaintextAnswer returns base64 as it is. Anything else was encrypted by another program, and is encoded in base64.
func plaintextAnswer(opened kmsapi.Secret) *logical.Response {
	plaintext := opened.Reveal()
	if isBase64(plaintext) {
		return &logical.Response{Data: map[string]any{"plaintext": plaintext}}
	}
	resp := &logical.Response{Data: map[string]any{"plaintext": base64.StdEncoding.EncodeToString([]byte(plaintext))}}
	resp.AddWarning("what KMS decrypted is not base64, so another program encrypted it; plaintext is its base64")
	return resp
}

// isBase64 reports whether s is what an encoder makes, without the line breaks that a decoder skips.
func isBase64(s string) bool {
	if strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}

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

// maxCiphertext bounds a ciphertext, in bytes. The ciphertext of the longest plaintext has about 11 KB; one above the
// bound did not come from KMS, and is not sent there.
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
		Description:  `What encrypt, rewrap or datakey returned, or a CiphertextBlob of KMS.`,
	},
	"padding_scheme": paddingField(),
}), "key_version", "nonce")

func (b *backend) decrypt(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	if k.entry.isAsymmetric() {
		return k.entry.decryptWithPair(ctx, c, d)
	}
	if made, ok := messageIn(d, "ciphertext"); ok {
		return b.decryptMessage(ctx, c, k, d, made)
	}
	sealed, err := k.entry.sealedBlob(d)
	if err != nil {
		return itemAnswer{}, err
	}
	plaintext, err := sealed.open(ctx, c, k)
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.warnOfPadding(plaintextAnswer(plaintext), d), nil
}

// A sealedBlob is a ciphertext of KMS with the encryption context that the caller gives for it.
type sealedBlob struct {
	blob   string
	encCtx kmsapi.EncryptionContext
}

func (e *keyEntry) sealedBlob(d *framework.FieldData) (s sealedBlob, err error) {
	if s.blob, err = blobOf(fields.String(d, "ciphertext")); err == nil {
		s.encCtx, err = e.encryptionContext(d)
	}
	return s, err
}

// open drops the plaintext unless the key may open the ciphertext.
func (s sealedBlob) open(ctx context.Context, c *connection, k target) (kmsapi.Secret, error) {
	answer, err := call(ctx, k.entry.opensOver(c, s.blob), &kmsapi.DecryptRequest{
		CiphertextBlob: s.blob, EncryptionContext: s.encCtx,
	})
	if err == nil {
		err = k.mayOpen(answer.KeyId, answer.KeyVersionId, answer.ID())
	}
	if err != nil {
		return kmsapi.Secret{}, err
	}
	return answer.Plaintext, nil
}

// mayOpen refuses a ciphertext unless one of the key's own CMKs made it, with a version that the key opens: KMS opens
// ciphertexts of every CMK that the account may use.
func (k target) mayOpen(cmk, keyVersionID, requestID string) error {
	switch {
	case !k.entry.versions.Has(cmk):
		return &foreignError{requestID: requestID}
	case !k.entry.versions.Opens(cmk, keyVersionID, k.entry.MinDecryption):
		return tooOld(k.entry.numberOf(cmk, keyVersionID), k)
	default:
		return nil
	}
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
func plaintextAnswer(opened kmsapi.Secret) itemAnswer {
	plaintext := opened.Reveal()
	if isBase64(plaintext) {
		return itemAnswer{plaintext: &plaintext}
	}
	answer := itemAnswer{plaintext: new(base64.StdEncoding.EncodeToString([]byte(plaintext)))}
	answer.warn("what KMS decrypted is not base64, so another program encrypted it; plaintext is its base64")
	return answer
}

// isBase64 reports whether s is base64 as an encoder makes it, without the line breaks that a decoder skips.
func isBase64(s string) bool {
	if strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}

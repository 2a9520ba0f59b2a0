package alicloudkms

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxCiphertext bounds a ciphertext, in bytes. The longest plaintext makes about 11 KB; what is longer never came from KMS,
// and is not sent there.
const maxCiphertext = 64 * 1024

func (b *backend) decryptPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "decrypt/" + framework.GenericNameRegex("name"),
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Fields:       batchFields(decryptItem),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: reads(b.useKeyForItems(decryptItem, b.decrypt), "decrypt", "", batchAnswer(answerFields{
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

// decryptItem is an item of rewrap too.
var decryptItem = withTransit(contextFields(fieldSchemas{
	"ciphertext": {
		Type:        framework.TypeString,
		Description: `What encrypt or datakey answered, or a CiphertextBlob of KMS.`,
	},
}), "context", "key_version", "nonce", "padding_scheme")

func (b *backend) decrypt(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
	opened, err := b.openCiphertext(ctx, c, k, d)
	if err != nil {
		return nil, err
	}
	return plaintextAnswer(opened.text), nil
}

// An openedText is what KMS opened, with the context that it was bound to.
type openedText struct {
	text    kmsapi.Secret
	context kmsapi.EncryptionContext
}

// openCiphertext drops the plaintext unless the key's own CMK opened the ciphertext: KMS opens whatever the account may open.
func (b *backend) openCiphertext(ctx context.Context, c *connection, k target, d *framework.FieldData) (openedText, error) {
	blob, err := blobOf(d.Get("ciphertext").(string))
	if err != nil {
		return openedText{}, err
	}
	bound, err := k.entry.encryptionContext(d)
	if err != nil {
		return openedText{}, err
	}
	answer, err := call(ctx, c, &kmsapi.DecryptRequest{CiphertextBlob: blob, EncryptionContext: bound})
	if err != nil {
		return openedText{}, err
	}
	if answer.KeyId != k.entry.KeyID {
		return openedText{}, &foreignError{requestID: answer.ID()}
	}
	return openedText{answer.Plaintext, bound}, nil
}

// blobOf returns KMS's CiphertextBlob.
func blobOf(ciphertext string) (string, error) {
	blob := strings.TrimPrefix(ciphertext, ciphertextPrefix)
	switch {
	case blob == "":
		return "", badRequest("ciphertext is required")
	case len(blob) > maxCiphertext:
		return "", badRequest("ciphertext is too long: no ciphertext of KMS has more than %d bytes", maxCiphertext)
	case strings.ContainsRune(blob, ':'):
		return "", badRequest("ciphertext must be %s and a CiphertextBlob of KMS, or the CiphertextBlob alone", ciphertextPrefix)
	default:
		return blob, nil
	}
}

// plaintextAnswer gives base64 as it is. Any other text was encrypted by another program; its base64 stands for it then.
func plaintextAnswer(opened kmsapi.Secret) *logical.Response {
	text := opened.Reveal()
	if isBase64(text) {
		return &logical.Response{Data: map[string]any{"plaintext": text}}
	}
	resp := &logical.Response{Data: map[string]any{"plaintext": base64.StdEncoding.EncodeToString([]byte(text))}}
	resp.AddWarning("KMS opened a text that is not base64, so another program encrypted it; plaintext is the base64 of that text")
	return resp
}

// isBase64 reports whether text is what the encoder makes, without the line breaks that the decoder skips.
func isBase64(text string) bool {
	if strings.ContainsAny(text, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(text)
	return err == nil
}

package alicloudkms

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) verifyPaths() []*framework.Path {
	operations := func(suffix string) operations {
		return operations{
			logical.UpdateOperation: anyNode(useKeyWith(b, verifyItem, signatureOptionsOf, b.verify), "verify", suffix,
				batchAnswer(answerFields{"valid": {Type: framework.TypeBool}})),
		}
	}
	return []*framework.Path{
		{
			Pattern:      "verify/" + fields.KeyName.Pattern,
			Fields:       verifyFields,
			Operations:   operations(""),
			HelpSynopsis: "Check a signature or an HMAC, or many at once.",
			HelpDescription: `
Check whether a signature of sign, or an HMAC of hmac, matches the data. Give the same fields as for sign or hmac.

    vault write alicloudkms/verify/release input="$(echo -n hello | base64)" signature=vault:v1:...
    vault write alicloudkms/verify/release batch_input='[{"input":"aGVsbG8=","signature":"vault:v1:..."}]'

    vault write alicloudkms/verify/records input="$(echo -n hello | base64)" hmac=vault:v1:...

Vault keeps the public keys, so checking a signature makes no call to KMS, and works for a KMS key that is disabled or
deleted. Only signatures on secp256k1 and SM2 are checked by KMS. An HMAC needs the data key of its version, which KMS
unwraps.
`,
		},
		{
			Pattern:      "verify/" + fields.KeyName.Pattern + "/" + fields.Hash.Pattern,
			Fields:       verifyFields,
			Operations:   operations("with-hash"),
			HelpSynopsis: "Check a signature or an HMAC, with the hash function in the path.",
			HelpDescription: `
As verify/NAME. For a signature, the hash function can be sha2-256 only, and with a key on SM2 sm3 only.

    vault write alicloudkms/verify/release/sha2-256 input="$(echo -n hello | base64)" signature=vault:v1:...
`,
		},
	}
}

var verifyItem = fields.WithTransit(joined(signItem, fields.Schemas{
	"signature": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "What sign returned.",
	},
	"hmac": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "Instead of signature: what hmac returned.",
	},
}), "cmac")

var verifyFields = signatureFields(verifyItem,
	"For a signature, it can only be sha2-256, and with a key on SM2 only sm3; for an HMAC, it is that of hmac.")

// verify checks the signature or the HMAC of an item.
func (b *backend) verify(
	ctx context.Context, c *connection, k target, o signatureOptions, item *framework.FieldData,
) (itemAnswer, error) {
	signature, mac := fields.String(item, "signature"), fields.String(item, "hmac")
	switch {
	case signature != "" && mac != "":
		return itemAnswer{}, refusal.BadRequest("give either signature or hmac, not both")
	case mac != "" || signature == "" && k.entry.hasDataKeys():
		return b.verifyMAC(ctx, c, k, o.Hashes, item)
	default:
		return verifySignature(ctx, c, k, o, item)
	}
}

// verifySignature verifies with the public key in the entry. It calls KMS only for keys whose signatures the engine
// can't check.
func verifySignature(
	ctx context.Context, c *connection, k target, o signatureOptions, item *framework.FieldData,
) (itemAnswer, error) {
	scheme, input, err := o.begin(k.entry, item)
	if err != nil {
		return itemAnswer{}, err
	}
	row, encoded, err := k.entry.rowOf("signature", fields.String(item, "signature"))
	if err != nil {
		return itemAnswer{}, err
	}
	digest, err := digestFor(scheme, row, input)
	if err != nil {
		return itemAnswer{}, err
	}
	signature, err := scheme.Decode(encoded)
	if err != nil {
		return itemAnswer{}, err
	}
	valid := false
	if signature != nil {
		if valid, err = k.entry.check(ctx, c, row, scheme.Algorithm, digest, signature); err != nil {
			return itemAnswer{}, err
		}
	}
	return itemAnswer{valid: &valid}, nil
}

// check reports whether a version made a signature.
func (e *keyEntry) check(
	ctx context.Context, c *connection, row *versions.Row, algorithm string, digest, signature []byte,
) (bool, error) {
	if row.PublicKey != "" {
		public, err := publickey.Parse(row.PublicKey)
		if err == nil {
			return public.Verify(algorithm, digest, signature), nil
		}
		if !errors.Is(err, publickey.ErrUnknownKey) {
			return false, refusal.Internal("the stored public key of the version can't be read: %s", err)
		}
	}
	cmk := e.cmkCalled(row.CMK)
	answer, err := call(ctx, c.of(cmk.Instance), &kmsapi.AsymmetricVerifyRequest{
		KeyId: cmk.cmk(), KeyVersionId: row.KeyVersionID, Algorithm: algorithm,
		Digest: base64.StdEncoding.EncodeToString(digest), Value: base64.StdEncoding.EncodeToString(signature),
	})
	if err != nil {
		return false, err
	}
	if answer.KeyId != row.CMK || answer.KeyVersionId != row.KeyVersionID {
		return false, &callError{op: kmsapi.OpAsymmetricVerify, err: errOtherVersion}
	}
	return answer.Value, nil
}

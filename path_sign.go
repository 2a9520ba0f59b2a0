package alicloudkms

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) signPaths() []*framework.Path {
	operations := func(suffix string) operations {
		return operations{
			logical.UpdateOperation: anyNode(useKeyWith(b, signItem, signatureOptionsOf, sign), "sign", suffix,
				batchAnswer(answerFields{
					"signature":   {Type: framework.TypeString},
					"key_version": {Type: framework.TypeInt},
				})),
		}
	}
	return []*framework.Path{
		{
			Pattern:      "sign/" + fields.KeyName.Pattern,
			Fields:       signatureFields(signItem, signedHashes),
			Operations:   operations(""),
			HelpSynopsis: "Sign data, or many pieces of data at once.",
			HelpDescription: `
Sign data with a key that has a key pair, made with type=ecdsa-p256 or an RSA type.

    vault write alicloudkms/keys/release type=ecdsa-p256
    vault write alicloudkms/sign/release input="$(echo -n hello | base64)"
    vault write alicloudkms/sign/release prehashed=true input="$(openssl dgst -sha256 -binary FILE | base64)"
    vault write alicloudkms/sign/release batch_input='[{"input":"aGVsbG8=","reference":"a"},{"input":"YnllCg=="}]'

KMS signs the SHA-256 digest, or, with a key on SM2 (key_spec=EC_SM2), the SM3 of the public key and the data. A batch
is answered with batch_results, in the order of its items.
`,
		},
		{
			Pattern:      "sign/" + fields.KeyName.Pattern + "/" + fields.Hash.Pattern,
			Fields:       signatureFields(signItem, signedHashes),
			Operations:   operations("with-hash"),
			HelpSynopsis: "Sign data, with the hash function in the path.",
			HelpDescription: `
As sign/NAME. The hash function can be sha2-256 only, and with a key on SM2 sm3 only.

    vault write alicloudkms/sign/release/sha2-256 input="$(echo -n hello | base64)"
`,
		},
	}
}

// signedHashes says which hash functions KMS signs with.
const signedHashes = "It can only be sha2-256, and with a key on SM2 only sm3."

var signItem = fields.WithTransit(fields.Schemas{
	"reference": referenceField(),
	"context": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "A field of transit for derived keys. Refused, unless it is empty: KMS binds no context to a signature.",
	},
	"input": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "What to sign, in base64: the data, or, with prehashed=true, its SHA-256 digest, for a key on SM2 SM3(Z || data).",
	},
}, "marshalling_algorithm", "signature_context")

// signatureFields returns the fields of a request to sign or to verify: those of its only item or of each in
// batch_input, and those that apply to all of them. functions describes the choice of hash functions.
func signatureFields(items fields.Schemas, functions string) fields.Schemas {
	return joined(batchFields(items), hashFieldsOf(functions), fields.Schemas{
		"prehashed": {
			Type:        framework.TypeBool,
			Description: "Whether input is the digest already.",
		},
		"signature_algorithm": {
			Type:        framework.TypeString,
			Description: "For an RSA key: pss (default) or pkcs1v15. Other keys ignore it.",
		},
		"salt_length": {
			Type:         framework.TypeString,
			DisplayAttrs: &framework.DisplayAttributes{EditType: fields.OrNumber},
			Description:  "For pss: auto, hash or 32, all of which mean 32 bytes.",
		},
		"marshaling_algorithm": {
			Type:        framework.TypeString,
			Description: "The form of signatures: asn1 (default), or jws as in JSON Web Signatures.",
		},
		"key_version": {
			Type:        framework.TypeInt,
			Description: "The version of the key that signs. 0, the default, is the newest.",
		},
	})
}

// signatureOptions are the options that apply to all signatures of a request.
type signatureOptions struct {
	signing.Parameters
	version int
}

// useKeyWith is useKeyForItems for sign, hmac and verify. read reads the options that apply to all items.
func useKeyWith[O any](
	b *backend, items fields.Schemas, read func(*framework.FieldData) O,
	handle func(_ context.Context, _ *connection, _ target, options O, item *framework.FieldData) (itemAnswer, error),
) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		options := read(d)
		return b.useKeyByRule(items, func(
			ctx context.Context, c *connection, k target, item *framework.FieldData,
		) (itemAnswer, error) {
			return handle(ctx, c, k, options, item)
		}, statusOfResults)(ctx, req, d)
	}
}

func signatureOptionsOf(d *framework.FieldData) signatureOptions {
	word := func(field string) string { return fields.String(d, field) }
	return signatureOptions{
		Parameters: signing.Parameters{
			Hashes:             hashNames(d),
			Prehashed:          fields.Bool(d, "prehashed"),
			SignatureAlgorithm: word("signature_algorithm"),
			SaltLength:         word("salt_length"),
			Marshaling:         word("marshaling_algorithm"),
		},
		version: fields.Int(d, "key_version"),
	}
}

// begin returns the scheme with which a key signs as the request asks, and the input of an item.
func (o *signatureOptions) begin(e *keyEntry, item *framework.FieldData) (signing.Scheme, []byte, error) {
	var none signing.Scheme
	if err := e.mustSign(); err != nil {
		return none, nil, ofOptions(err)
	}
	scheme, err := o.Scheme(e.KeySpec)
	if err != nil {
		return none, nil, ofOptions(err)
	}
	if fields.String(item, "context") != "" {
		return none, nil, refusal.BadRequest("the field %q can't be used: KMS binds no context to a signature", "context")
	}
	input, err := inputOf(item)
	return scheme, input, err
}

// digestFor returns the digest of the input that a version signs.
func digestFor(scheme signing.Scheme, row *versions.Row, input []byte) ([]byte, error) {
	if scheme.SignsPublicKey() && row.PublicKey == "" {
		return nil, errVersionsUnknown
	}
	return scheme.Digest(input, row.PublicKey)
}

// sign signs an item, with one call to KMS.
func sign(
	ctx context.Context, c *connection, k target, o signatureOptions, item *framework.FieldData,
) (itemAnswer, error) {
	scheme, input, err := o.begin(k.entry, item)
	if err != nil {
		return itemAnswer{}, err
	}
	n, row, err := k.entry.chooseVersion(o.version)
	if err != nil {
		return itemAnswer{}, ofOptions(err)
	}
	digest, err := digestFor(scheme, row, input)
	if err != nil {
		return itemAnswer{}, err
	}
	cmk := k.entry.cmkCalled(row.CMK)
	answer, err := call(ctx, c.of(cmk.Instance), &kmsapi.AsymmetricSignRequest{
		KeyId: cmk.cmk(), KeyVersionId: row.KeyVersionID, Algorithm: scheme.Algorithm,
		Digest: base64.StdEncoding.EncodeToString(digest),
	})
	if err != nil {
		return itemAnswer{}, err
	}
	signature, err := signatureOf(answer, row, scheme)
	if err != nil {
		return itemAnswer{}, &callError{op: kmsapi.OpAsymmetricSign, err: err, key: k.name}
	}
	return itemAnswer{signature: versions.Join(n, signature), keyVersion: n}, nil
}

// errOtherVersion is for an answer of KMS that is not about the requested version.
var errOtherVersion = errors.New("KMS answered for another key, or another version of it")

// signatureOf returns the signature in an answer of KMS, in the encoding of the scheme.
func signatureOf(answer *kmsapi.AsymmetricSignResponse, row *versions.Row, scheme signing.Scheme) (string, error) {
	if answer.KeyId != row.CMK || answer.KeyVersionId != row.KeyVersionID {
		return "", errOtherVersion
	}
	signature, err := base64.StdEncoding.DecodeString(answer.Value)
	if err != nil || len(signature) == 0 {
		return "", errors.New("KMS answered with a signature that is not base64")
	}
	return scheme.Encode(signature)
}

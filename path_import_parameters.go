package alicloudkms

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) importParametersPath() *framework.Path {
	return &framework.Path{
		Pattern: "keys/" + fields.KeyName.Pattern + "/import_parameters",
		Fields: fields.Schemas{
			"name": nameField(),
			"wrapping_algorithm": {
				Type:        framework.TypeString,
				Description: "How the key material will be encrypted: RSAES_OAEP_SHA_256 (default), RSAES_OAEP_SHA_1, RSAES_PKCS1_V1_5 or SM2PKE; for the private key of a key pair RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD, and of one on SM2 SM2PKE_SM4_ECB.",
				AllowedValues: []any{
					kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15, kmsapi.WrapSM2PKE,
					kmsapi.WrapKeyPair, kmsapi.WrapSM2KeyPair,
				},
			},
		},
		Operations: operations{
			logical.UpdateOperation: anyNode(b.useKey(keyImportParameters), "get", "import-parameters", answerFields{
				"key_id":             {Type: framework.TypeString},
				"public_key":         {Type: framework.TypeString, Description: "In PEM."},
				"public_key_der":     {Type: framework.TypeString, Description: "In base64."},
				"import_token":       {Type: framework.TypeString},
				"token_expire_time":  {Type: framework.TypeString},
				"wrapping_algorithm": {Type: framework.TypeString},
			}),
		},
		HelpSynopsis: "A public key of KMS to wrap key material with, and the token that goes with it.",
		HelpDescription: `
Ask KMS for a public key and an import token, for a key of origin EXTERNAL. They belong together, to this
key and to the algorithm, and are valid for 24 hours.

    vault write -f alicloudkms/keys/payroll/import_parameters
    vault write alicloudkms/keys/payroll/import_parameters wrapping_algorithm=RSAES_OAEP_SHA_1

alicloudkms wrap, or openssl, encrypts the material with the public key; import takes the result.
`,
	}
}

func keyImportParameters(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (*logical.Response, error) {
	spec := k.entry.keySpec()
	algorithm := cmp.Or(d.Get("wrapping_algorithm").(string), defaultWrapping(spec))
	if those := kmsapi.WrappingAlgorithms(spec); !slices.Contains(those, algorithm) {
		return nil, refusal.BadRequest("wrapping_algorithm must be %s for a key of the type %s",
			strings.Join(those, " or "), typeOfSpec(spec))
	}
	got, der, err := importParameters(ctx, c, k.entry, algorithm)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"key_id":             got.KeyId,
		"public_key":         pemOf(der),
		"public_key_der":     got.PublicKey,
		"import_token":       got.ImportToken,
		"token_expire_time":  got.TokenExpireTime,
		"wrapping_algorithm": algorithm,
	}}, nil
}

// importParameters asks KMS for a wrapping key and its token. Both must be valid, and belong to the key's own CMK.
func importParameters(
	ctx context.Context, c *connection, e *keyEntry, algorithm string,
) (got *kmsapi.GetParametersForImportResponse, der []byte, err error) {
	garbage := func(err error) error { return &callError{op: kmsapi.OpGetParametersForImport, err: err} }
	got, err = call(ctx, c, &kmsapi.GetParametersForImportRequest{
		KeyId: e.cmk(), WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpec(algorithm),
	})
	if err != nil {
		return nil, nil, withSM(withSM(err, e.KeySpec), kmsapi.WrappingKeySpec(algorithm))
	}
	if got.KeyId != e.KeyID || got.ImportToken == "" {
		return nil, nil, garbage(errors.New("KMS answered for another key, or without a token"))
	}
	if der, err = base64.StdEncoding.DecodeString(got.PublicKey); err != nil {
		return nil, nil, garbage(errors.New("KMS's public key is not base64"))
	}
	if err := checkImportKey(algorithm, der); err != nil {
		return nil, nil, garbage(fmt.Errorf("KMS's public key can't be used: %w", err))
	}
	return got, der, nil
}

// checkImportKey refuses a wrapping key that does not fit the algorithm.
func checkImportKey(algorithm string, der []byte) error {
	if kmsapi.WrappingKeySpec(algorithm) != kmsapi.WrappingKeySpecSM2 {
		_, err := client.ParseImportKey(der)
		return err
	}
	if _, ok := sm2.ParsePublicKey(der); !ok {
		return errors.New("it is not a public key on SM2 in DER (SubjectPublicKeyInfo)")
	}
	return nil
}

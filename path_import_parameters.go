package alicloudkms

import (
	"cmp"
	"context"
	"crypto/rsa"
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
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) importParametersPath() *framework.Path {
	return &framework.Path{
		Pattern: "keys/" + fields.KeyName.Pattern + "/import_parameters",
		Fields: fields.Schemas{
			"name": nameField(),
			"wrapping_algorithm": {
				Type:          framework.TypeString,
				Description:   "How the key material will be encrypted: RSAES_OAEP_SHA_256 (default), RSAES_OAEP_SHA_1 or RSAES_PKCS1_V1_5; for the private key of a key pair RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD.",
				AllowedValues: []any{kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15, kmsapi.WrapKeyPair},
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
	algorithm := cmp.Or(d.Get("wrapping_algorithm").(string), defaultWrapping(k.entry.KeySpec))
	if those := kmsapi.WrappingAlgorithms(k.entry.KeySpec); !slices.Contains(those, algorithm) {
		return nil, refusal.BadRequest("wrapping_algorithm must be %s for a key of the type %s",
			strings.Join(those, " or "), typeOfSpec(k.entry.KeySpec))
	}
	got, key, err := importParameters(ctx, c, k.entry, algorithm)
	if err != nil {
		return nil, err
	}
	public, err := publicPEM(key)
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{
		"key_id":             got.KeyId,
		"public_key":         public,
		"public_key_der":     got.PublicKey,
		"import_token":       got.ImportToken,
		"token_expire_time":  got.TokenExpireTime,
		"wrapping_algorithm": algorithm,
	}}, nil
}

// importParameters asks KMS for a wrapping key and its token. Both must belong to the key's own CMK, and be valid.
func importParameters(
	ctx context.Context, c *connection, e *keyEntry, algorithm string,
) (*kmsapi.GetParametersForImportResponse, *rsa.PublicKey, error) {
	garbage := func(err error) error { return &callError{op: kmsapi.OpGetParametersForImport, err: err} }
	got, err := call(ctx, c, &kmsapi.GetParametersForImportRequest{
		KeyId: e.cmk(), WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpec(algorithm),
	})
	if err != nil {
		return nil, nil, err
	}
	if got.KeyId != e.KeyID || got.ImportToken == "" {
		return nil, nil, garbage(errors.New("KMS answered for another key, or without a token"))
	}
	der, err := base64.StdEncoding.DecodeString(got.PublicKey)
	if err != nil {
		return nil, nil, garbage(errors.New("KMS's public key is not base64"))
	}
	key, err := client.ParseImportKey(der)
	if err != nil {
		return nil, nil, garbage(fmt.Errorf("KMS's public key can't be used: %w", err))
	}
	return got, key, nil
}

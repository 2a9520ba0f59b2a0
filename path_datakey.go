package alicloudkms

import (
	"context"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// defaultDataKeyBits is the length of a data key if the caller asks for none.
const defaultDataKeyBits = 256

var dataKeyBits = []int{128, 256, 512}

// dataKeyPaths returns two paths, so that a policy can allow only the one that shows no key.
func (b *backend) dataKeyPaths() []*framework.Path {
	withPlaintext := answerFields{
		"ciphertext":  ciphertextAnswer["ciphertext"],
		"key_version": ciphertextAnswer["key_version"],
		"plaintext":   {Type: framework.TypeString},
	}
	return []*framework.Path{
		{
			Pattern: "datakey/plaintext/" + fields.KeyName.Pattern,
			Fields:  batchFields(dataKeyItem),
			Operations: operations{
				logical.UpdateOperation: anyNode(b.useKeyForItems(dataKeyItem, plaintextDataKey),
					"generate", "plaintext-data-key", batchAnswer(withPlaintext)),
			},
			HelpSynopsis: "Make a data key, in plaintext and encrypted.",
			HelpDescription: `
Make a random data key: encrypt data with the plaintext, discard it, and keep the ciphertext next to
the data. decrypt recovers the plaintext.

    vault write -f alicloudkms/datakey/plaintext/payroll
    vault write alicloudkms/datakey/plaintext/payroll bits=512
    vault write alicloudkms/datakey/plaintext/payroll batch_input='[{"reference":"a"},{"reference":"b","bits":512}]'
`,
		},
		{
			Pattern: "datakey/wrapped/" + fields.KeyName.Pattern,
			Fields:  batchFields(dataKeyItem),
			Operations: operations{
				logical.UpdateOperation: anyNode(b.useKeyForItems(dataKeyItem, b.wrappedDataKey),
					"generate", "wrapped-data-key", batchAnswer(ciphertextAnswer)),
			},
			HelpSynopsis: "Make a data key, encrypted only.",
			HelpDescription: `
Make a random data key for somebody else: only callers that may use decrypt can see it. Unless RAM allows only
kms:GenerateDataKey, not even Vault can.

    vault write -f alicloudkms/datakey/wrapped/payroll
    vault write alicloudkms/datakey/wrapped/payroll number_of_bytes=48
`,
		},
	}
}

var dataKeyItem = fields.WithTransit(contextFields(fields.Schemas{
	"bits": {
		Type:          framework.TypeInt,
		Description:   "The length of the data key in bits: 128, 256 or 512.",
		Default:       defaultDataKeyBits,
		AllowedValues: []any{128, 256, 512},
	},
	"number_of_bytes": {
		Type:        framework.TypeInt,
		Description: "The length of the data key in bytes, 1 to 1024, instead of bits.",
	},
	"key_version": keyVersionField(),
}), "nonce", "padding_scheme")

func plaintextDataKey(ctx context.Context, c *connection, k target, d *framework.FieldData) (itemAnswer, error) {
	wanted, err := newDataKey(k, d)
	if err != nil {
		return itemAnswer{}, err
	}
	answer, err := call(ctx, c, wanted)
	if err != nil {
		return itemAnswer{}, err
	}
	made := k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob)
	made.plaintext = new(answer.Plaintext.Reveal())
	return made, nil
}

// wrappedDataKey makes a data key. If RAM allows the operation for that, its plaintext never reaches Vault.
func (b *backend) wrappedDataKey(
	ctx context.Context, c *connection, k target, d *framework.FieldData,
) (itemAnswer, error) {
	wanted, err := newDataKey(k, d)
	if err != nil {
		return itemAnswer{}, err
	}
	return shortcut{
		op:        kmsapi.OpGenerateDataKeyWithoutPlaintext,
		take:      func() (itemAnswer, error) { return withoutPlaintext(ctx, c, k, wanted) },
		otherwise: func() (itemAnswer, error) { return plaintextDropped(ctx, c, k, wanted) },
		instead:   "It does not need kms:GenerateDataKey where RAM allows kms:GenerateDataKeyWithoutPlaintext on the KMS key.",
	}.run(b, c, k)
}

func withoutPlaintext(
	ctx context.Context, c *connection, k target, wanted *kmsapi.GenerateDataKeyRequest,
) (itemAnswer, error) {
	answer, err := call(ctx, c, &kmsapi.GenerateDataKeyWithoutPlaintextRequest{
		KeyId: wanted.KeyId, NumberOfBytes: wanted.NumberOfBytes, EncryptionContext: wanted.EncryptionContext,
	})
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), nil
}

func plaintextDropped(
	ctx context.Context, c *connection, k target, wanted *kmsapi.GenerateDataKeyRequest,
) (itemAnswer, error) {
	answer, err := call(ctx, c, wanted)
	if err != nil {
		return itemAnswer{}, err
	}
	return k.entry.ciphertext(answer.KeyId, answer.KeyVersionId, answer.CiphertextBlob), nil
}

func newDataKey(k target, d *framework.FieldData) (*kmsapi.GenerateDataKeyRequest, error) {
	if err := k.entry.mustBeSymmetric("a data key"); err != nil {
		return nil, err
	}
	size, err := dataKeyBytes(d)
	if err == nil {
		err = k.entry.checkKeyVersion(fields.Int(d, "key_version"))
	}
	if err != nil {
		return nil, err
	}
	encCtx, err := k.entry.encryptionContext(d)
	if err != nil {
		return nil, err
	}
	return &kmsapi.GenerateDataKeyRequest{KeyId: k.entry.cmk(), NumberOfBytes: size, EncryptionContext: encCtx}, nil
}

// dataKeyBytes returns the length that the caller asks for.
func dataKeyBytes(d *framework.FieldData) (int, error) {
	_, inBits := d.GetOk("bits")
	size, inBytes := d.GetOk("number_of_bytes")
	if inBits && inBytes {
		return 0, refusal.BadRequest("give bits or number_of_bytes, not both")
	}
	if inBytes {
		if n := size.(int); n >= 1 && n <= kmsapi.MaxDataKeyBytes {
			return n, nil
		}
		return 0, refusal.BadRequest("number_of_bytes must be 1 to %d", kmsapi.MaxDataKeyBytes)
	}
	bits := d.Get("bits").(int)
	if !slices.Contains(dataKeyBits, bits) {
		return 0, refusal.BadRequest("bits must be 128, 256 or 512; for other lengths, give number_of_bytes")
	}
	return bits / 8, nil
}

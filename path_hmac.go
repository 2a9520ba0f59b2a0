package alicloudkms

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

func (b *backend) hmacPaths() []*framework.Path {
	operations := func(suffix string) operations {
		return operations{
			logical.UpdateOperation: anyNode(useKeyWith(b, hmacItem, macOptionsOf, b.hmac), "generate", suffix,
				batchAnswer(answerFields{"hmac": {Type: framework.TypeString}})),
		}
	}
	return []*framework.Path{
		{
			Pattern:      "hmac/" + fields.KeyName.Pattern,
			Fields:       hmacFields,
			Operations:   operations("hmac"),
			HelpSynopsis: "Make the HMAC of data, or of many pieces of data at once.",
			HelpDescription: `
Make an HMAC, which verify checks. The key must have a data key: one that was made with encryption=envelope,
or was in envelope mode once.

    vault write alicloudkms/keys/records encryption=envelope
    vault write alicloudkms/hmac/records input="$(echo -n hello | base64)"
    vault write alicloudkms/verify/records input="$(echo -n hello | base64)" hmac=vault:v1:...
    vault write alicloudkms/hmac/records batch_input='[{"input":"aGVsbG8=","reference":"a"},{"input":"YnllCg=="}]'

The newest data key makes it, even if the key has gone back to encryption=direct since. The HMAC of the same data
stays the same until the key is rotated. It can be checked as long as the key has the version: not after that
version is trimmed, and not if Vault's storage is lost. As in transit, a key made with derived=true takes no context
here.
`,
		},
		{
			Pattern:      "hmac/" + fields.KeyName.Pattern + "/" + fields.Hash.Pattern,
			Fields:       hmacFields,
			Operations:   operations("hmac-with-algorithm"),
			HelpSynopsis: "Make the HMAC of data, with the hash function in the path.",
			HelpDescription: `
As hmac/NAME.

    vault write alicloudkms/hmac/records/sha2-512 input="$(echo -n hello | base64)"
`,
		},
	}
}

var hmacItem = fields.Schemas{
	"reference": referenceField(),
	"input": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "The data, in base64. It may be empty.",
	},
}

var hmacFields = joined(batchFields(hmacItem),
	hashFieldsOf("One of "+strings.Join(sortedKeys(hashes), ", ")+"; by default "+defaultHash+"."), fields.Schemas{
		"key_version": {
			Type:        framework.TypeInt,
			Description: "The version whose data key makes the HMAC, from min_encryption_version on. 0, the default, is the newest data key.",
		},
	})

// macOptions are the options that apply to all HMACs of a request.
type macOptions struct {
	hashes  []string
	version int
}

func macOptionsOf(d *framework.FieldData) macOptions {
	return macOptions{hashes: hashNames(d), version: fields.Int(d, "key_version")}
}

// hmac makes the HMAC of an item. It costs no call to KMS if the data key is cached.
func (b *backend) hmac(
	ctx context.Context, c *connection, k target, o macOptions, item *framework.FieldData,
) (itemAnswer, error) {
	if err := k.mustMAC(); err != nil {
		return itemAnswer{}, ofOptions(err)
	}
	row, err := k.chooseMACKey(o.version)
	if err != nil {
		return itemAnswer{}, ofOptions(err)
	}
	sum, err := b.mac(ctx, c, k, row, o.hashes, item)
	if err != nil {
		return itemAnswer{}, err
	}
	return itemAnswer{hmac: versions.JoinBytes(row.version, sum)}, nil
}

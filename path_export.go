package alicloudkms

import (
	"context"
	"strconv"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// latestVersion stands for the number of the newest version in a path.
const latestVersion = "latest"

func (b *backend) exportPaths() []*framework.Path {
	answer := answerFields{
		"name": {Type: framework.TypeString},
		"type": {Type: framework.TypeString, Description: "transit's name of the kind of key."},
		"keys": {Type: framework.TypeMap, Description: "Public keys in PEM, under the numbers of their versions."},
	}
	return []*framework.Path{
		{
			Pattern: "export/public-key/" + fields.KeyName.Pattern,
			Fields:  fields.Schemas{"name": nameField()},
			Operations: operations{
				logical.ReadOperation: anyNode(b.showKey(exportPublicKeys), "export", "public-keys", answer),
			},
			HelpSynopsis: "The public keys of all versions of a key.",
			HelpDescription: `
Read the public keys of a key that has key pairs. Vault keeps them, so KMS is not called.

    vault read alicloudkms/export/public-key/release
    vault read alicloudkms/export/public-key/release/latest
`,
		},
		{
			Pattern: "export/public-key/" + fields.KeyName.Pattern + "/" + fields.Version.Pattern,
			Fields: fields.Schemas{
				"name": nameField(),
				fields.Version.Field: {
					Type:        framework.TypeString,
					Description: "The number of a version, or latest, in the path.",
					Required:    true,
				},
			},
			Operations: operations{
				logical.ReadOperation: anyNode(b.showKey(exportPublicKey), "export", "public-key", answer),
			},
			HelpSynopsis: "The public key of one version of a key.",
			HelpDescription: `
Read the public key of a version, or of the newest one.

    vault read alicloudkms/export/public-key/release/1
    vault read alicloudkms/export/public-key/release/latest
`,
		},
	}
}

func exportPublicKeys(
	_ context.Context, _ *logical.Request, k target, _ *framework.FieldData,
) (*logical.Response, error) {
	table := &k.entry.versions
	return k.publicKeys(table.First, table.Newest())
}

func exportPublicKey(
	_ context.Context, _ *logical.Request, k target, d *framework.FieldData,
) (*logical.Response, error) {
	table := &k.entry.versions
	wanted := d.Get(fields.Version.Field).(string)
	if wanted == latestVersion {
		return k.publicKeys(table.Newest(), table.Newest())
	}
	n, err := strconv.Atoi(wanted)
	if err != nil || table.Row(n) == nil {
		return nil, refusal.BadRequest("the version must be a number from %d to %d, or %s",
			table.First, table.Newest(), latestVersion)
	}
	return k.publicKeys(n, n)
}

// publicKeys shows the public keys of the versions from first to last that are in the entry.
func (k target) publicKeys(first, last int) (*logical.Response, error) {
	if !k.entry.isAsymmetric() {
		return nil, refusal.BadRequest("key %q is of the type %s, which has no public key",
			k.name, typeOfSpec(k.entry.KeySpec))
	}
	keys := map[string]any{}
	for n := first; n <= last; n++ {
		if public := k.entry.versions.Row(n).PublicKey; public != "" {
			keys[strconv.Itoa(n)] = public
		}
	}
	if len(keys) == 0 {
		return nil, refusal.Conflict("key %q has no public key yet: it waits for key material, or KMS has not shown it, for which RAM must allow kms:ListKeyVersions and kms:GetPublicKey. To have it read again, write to the key's config",
			k.name)
	}
	return &logical.Response{Data: map[string]any{
		"name": k.name, "type": typeOfSpec(k.entry.KeySpec), "keys": keys,
	}}, nil
}

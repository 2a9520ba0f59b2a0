package alicloudkms

import (
	"context"
	"maps"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) cmkPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "cmks/?$",
		Fields:  fields.PageSchemas(),
		Operations: operations{
			logical.ListOperation: anyNode(b.cmksList, "list", "cmks", listAnswer),
		},
		HelpSynopsis: "The keys that the account has in KMS.",
		HelpDescription: `
List the ids of all KMS keys that the account has in the region, whether or not they have a name here.
key_info has the arn and the names of each, of which there may be several; for those with a name, also the KMS
instance.

    vault list -detailed alicloudkms/cmks
    curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/alicloudkms/cmks?list=true&limit=100"
`,
	}}
}

// listAnswer describes the answer of a list with details of each entry.
var listAnswer = answerFields{
	"keys":     {Type: framework.TypeStringSlice},
	"key_info": {Type: framework.TypeMap, Description: "More about each entry."},
}

func (b *backend) cmksList(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	cmks, err := listCMKs(ctx, conn)
	if err != nil {
		return nil, err
	}
	return listWithNames(ctx, b, req, d, cmks, func(k kmsapi.KeyEntry, names cmkNames) map[string]any {
		info := map[string]any{"arn": k.KeyArn, "names": names.of(k.KeyId)}
		if instance, known := names.instances[k.KeyId]; known {
			info["kms_instance_id"] = instance
		}
		return info
	})
}

// listWithNames answers the page of a listing that the caller asks for. info describes an entry, given the engine's
// names of CMKs.
func listWithNames[T any](ctx context.Context, b *backend, req *logical.Request, d *framework.FieldData,
	l listing.Listing[T], info func(entry T, names cmkNames) map[string]any,
) (*logical.Response, error) {
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	shown, infos := fields.PageOf(d).Select(maps.Keys(l.Entries)), map[string]any{}
	for _, name := range shown {
		infos[name] = info(l.Entries[name], names)
	}
	return l.Warn(logical.ListResponseWithInfo(shown, infos)), nil
}

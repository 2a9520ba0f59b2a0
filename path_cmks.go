package alicloudkms

import (
	"context"
	"maps"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

func (b *backend) cmkPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern:      "cmks/?$",
		DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
		Fields:       fields.PageSchemas(),
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.ListOperation: anyNode(b.cmksList, "list", "cmks", listAnswer),
		},
		HelpSynopsis: "The CMKs of the account and region.",
		HelpDescription: `
List the ids of all CMKs that the account has in the region, whether or not they have a name here.
key_info says the names, of which a CMK may have several, and the arn.

    vault list -detailed alicloudkms/cmks
    curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/alicloudkms/cmks?list=true&limit=100"
`,
	}}
}

// listAnswer is what a list with more about each entry answers.
var listAnswer = answerFields{
	"keys":     {Type: framework.TypeStringSlice},
	"key_info": {Type: framework.TypeMap, Description: "What there is to know of each entry."},
}

func (b *backend) cmksList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	page := fields.PageOf(d)
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	cmks, err := listCMKs(ctx, conn)
	if err != nil {
		return nil, err
	}
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	ids, info := page.Select(maps.Keys(cmks.Entries)), map[string]any{}
	for _, id := range ids {
		info[id] = map[string]any{"arn": cmks.Entries[id].KeyArn, "names": names.of(id)}
	}
	return cmks.Warn(logical.ListResponseWithInfo(ids, info)), nil
}

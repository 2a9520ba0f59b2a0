package alicloudkms

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxAliasRounds bounds how often an alias that others make and remove is tried.
const maxAliasRounds = 3

func (b *backend) aliasPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern:      "aliases/?$",
			DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
			Fields:       aliasListFields(),
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.ListOperation: reads(b.aliasesList, "list", "aliases", listAnswer),
			},
			HelpSynopsis: "The aliases of the account and region.",
			HelpDescription: `
List the aliases that KMS has in the account and region, or only those of one key, without "alias/".
key_info says which CMK each names, and what that is called here.

    vault list -detailed alicloudkms/aliases
    curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/alicloudkms/aliases?list=true&key=payroll"
`,
		},
		{
			Pattern:      "aliases/" + pathNames["alias"].pattern,
			DisplayAttrs: &framework.DisplayAttributes{OperationPrefix: operationPrefix},
			Fields:       aliasFields,
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: reads(b.aliasWrite, "write", "alias", answerFields{
					"alias":   {Type: framework.TypeString},
					"key":     {Type: framework.TypeString},
					"key_id":  {Type: framework.TypeString},
					"region":  {Type: framework.TypeString},
					"created": {Type: framework.TypeBool, Description: "The alias is new. Otherwise, it named the same CMK or another before."},
				}),
				logical.ReadOperation: reads(b.aliasRead, "read", "alias", answerFields{
					"alias":  {Type: framework.TypeString},
					"key_id": {Type: framework.TypeString},
					"region": {Type: framework.TypeString},
					"names":  {Type: framework.TypeStringSlice, Description: "The keys of this engine that are the CMK."},
				}),
				logical.DeleteOperation: reads(b.aliasDelete, "delete", "alias", nil),
			},
			HelpSynopsis: "Write, read and remove an alias of KMS.",
			HelpDescription: `
An alias is a name that KMS itself has for a CMK, for programs that call KMS without Vault. Write lets
it name the CMK of a key, whether or not it exists. Read says which CMK it names. Delete removes the
alias, and leaves the CMK as it is. "alias/" is left out, and names may have slashes.

    vault write alicloudkms/aliases/team-hr/payroll key=payroll
    vault read alicloudkms/aliases/team-hr/payroll
    vault delete alicloudkms/aliases/team-hr/payroll
`,
		},
	}
}

var aliasFields = map[string]*framework.FieldSchema{
	"alias": {
		Type:        framework.TypeString,
		Description: `The alias, without "alias/".`,
		Required:    true,
	},
	"key": {
		Type:        framework.TypeString,
		Description: "For write: the name of the key whose CMK the alias names from now on. Required.",
	},
}

func aliasListFields() map[string]*framework.FieldSchema {
	fields := pageFields()
	fields["key"] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "The name of a key, to list only the aliases of its CMK.",
		Query:       true,
	}
	return fields
}

func (b *backend) aliasesList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	asked := askedPart(d)
	aliases, err := b.collectAliases(ctx, req, d)
	if err != nil {
		return nil, err
	}
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	shown, info := asked.of(maps.Keys(aliases.entries)), map[string]any{}
	for _, alias := range shown {
		entry := aliases.entries[alias]
		info[alias] = map[string]any{"key_id": entry.KeyId, "arn": entry.AliasArn, "names": names.of(entry.KeyId)}
	}
	return aliases.warn(logical.ListResponseWithInfo(shown, info)), nil
}

// collectAliases lists all aliases, or those of the key that the caller names.
func (b *backend) collectAliases(ctx context.Context, req *logical.Request, d *framework.FieldData) (l listing[kmsapi.AliasEntry], err error) {
	name, only := "", false
	if _, only = d.GetOk("key"); only {
		if name, err = keyField(d, "key"); err != nil {
			return l, err
		}
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return l, err
	}
	next := listAliases(ctx, conn)
	if only {
		k, err := b.knownKey(ctx, req, name)
		if err != nil {
			return l, err
		}
		next = listAliasesOf(ctx, conn, k.entry.KeyID)
	}
	l, err = collect(next, func(a kmsapi.AliasEntry) string { return strings.TrimPrefix(a.AliasName, kmsapi.AliasPrefix) })
	return l, named(err, name)
}

func listAliases(ctx context.Context, c *connection) fetch[kmsapi.AliasEntry] {
	return func(page int) ([]kmsapi.AliasEntry, int, error) {
		answer, err := call(ctx, c, &kmsapi.ListAliasesRequest{PageNumber: page, PageSize: kmsPageSize})
		if err != nil {
			return nil, 0, err
		}
		return answer.Aliases.Alias, answer.TotalCount, nil
	}
}

func listAliasesOf(ctx context.Context, c *connection, keyID string) fetch[kmsapi.AliasEntry] {
	return func(page int) ([]kmsapi.AliasEntry, int, error) {
		wanted := &kmsapi.ListAliasesByKeyIdRequest{KeyId: keyID, PageNumber: page, PageSize: kmsPageSize}
		answer, err := call(ctx, c, wanted)
		if err != nil {
			return nil, 0, err
		}
		return answer.Aliases.Alias, answer.TotalCount, nil
	}
}

func (b *backend) aliasWrite(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	alias, err := ownAlias(d)
	if err != nil {
		return nil, err
	}
	name, err := keyField(d, "key")
	if err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	k, err := b.knownKey(ctx, req, name)
	if err != nil {
		return nil, err
	}
	created, err := setAlias(ctx, conn, kmsapi.AliasPrefix+alias, k.entry.KeyID)
	if err != nil {
		return nil, named(err, name)
	}
	return &logical.Response{Data: map[string]any{
		"alias": alias, "key": name, "key_id": k.entry.KeyID, "region": conn.region, "created": created,
	}}, nil
}

// setAlias lets an alias name a CMK, whether or not the alias exists. KMS has no single call for that: if others make or
// remove the alias between the two that there are, it begins again.
func setAlias(ctx context.Context, c *connection, alias, keyID string) (created bool, err error) {
	for range maxAliasRounds {
		_, err := call(ctx, c, &kmsapi.CreateAliasRequest{AliasName: alias, KeyId: keyID})
		if !errors.Is(err, kmsapi.ErrAliasAlreadyExists) {
			return err == nil, err
		}
		_, err = call(ctx, c, &kmsapi.UpdateAliasRequest{AliasName: alias, KeyId: keyID})
		if !errors.Is(err, kmsapi.ErrAliasNotFound) {
			return false, err
		}
	}
	return false, conflict("the alias is being made and removed by others; try again when that is done")
}

// ownAlias is the alias in the path, for a change. Those that Alibaba Cloud keeps for its own services can only be read.
func ownAlias(d *framework.FieldData) (string, error) {
	alias := d.Get("alias").(string)
	reserved := strings.TrimPrefix(kmsapi.ReservedAliasPrefix, kmsapi.AliasPrefix)
	if strings.HasPrefix(alias, reserved) {
		return "", badRequest("an alias that begins with %q can't be changed: Alibaba Cloud keeps those for its own services", reserved)
	}
	return alias, nil
}

func (b *backend) aliasRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	alias := d.Get("alias").(string)
	found, err := call(ctx, conn, &kmsapi.DescribeKeyRequest{KeyId: kmsapi.AliasPrefix + alias})
	if err != nil {
		return nil, err
	}
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	id := found.KeyMetadata.KeyId
	return &logical.Response{Data: map[string]any{"alias": alias, "key_id": id, "region": conn.region, "names": names.of(id)}}, nil
}

func (b *backend) aliasDelete(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	alias, err := ownAlias(d)
	if err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	_, err = call(ctx, conn, &kmsapi.DeleteAliasRequest{AliasName: kmsapi.AliasPrefix + alias})
	return nil, err
}

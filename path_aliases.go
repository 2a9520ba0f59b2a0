package alicloudkms

import (
	"context"
	"errors"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxAliasRounds bounds the attempts to set an alias that others create and delete at the same time.
const maxAliasRounds = 3

func (b *backend) aliasPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern: "aliases/?$",
			Fields:  aliasListFields(),
			Operations: operations{
				logical.ListOperation: anyNode(b.aliasesList, "list", "aliases", listAnswer),
			},
			HelpSynopsis: "The aliases of the account and region.",
			HelpDescription: `
List the aliases that KMS has in the account and region, or only those of one key, without "alias/".
key_info has the KMS key of each, and the names that the KMS key has here.

    vault list -detailed alicloudkms/aliases
    curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/alicloudkms/aliases?list=true&key=payroll"
`,
		},
		{
			Pattern: "aliases/" + fields.Alias.Pattern,
			Fields:  aliasFields,
			Operations: operations{
				logical.UpdateOperation: anyNode(b.aliasWrite, "write", "alias", answerFields{
					"alias":  {Type: framework.TypeString},
					"key":    {Type: framework.TypeString},
					"key_id": {Type: framework.TypeString},
					"region": {Type: framework.TypeString},
					"created": {
						Type:        framework.TypeBool,
						Description: "Whether the alias is new.",
					},
				}),
				logical.ReadOperation: anyNode(b.aliasRead, "read", "alias", answerFields{
					"alias":  {Type: framework.TypeString},
					"key_id": {Type: framework.TypeString},
					"region": {Type: framework.TypeString},
					"names":  {Type: framework.TypeStringSlice, Description: "The keys of this engine that use the KMS key."},
				}),
				logical.DeleteOperation: anyNode(b.aliasDelete, "delete", "alias", nil),
			},
			HelpSynopsis: "Write, read and remove an alias of KMS.",
			HelpDescription: `
An alias is KMS's own name for a KMS key, for programs that call KMS without Vault. Write points the alias at
the KMS key of a key, whether or not the alias exists. Read shows its KMS key. Delete removes the alias, and
leaves the KMS key as it is. Leave out "alias/"; the rest may have slashes.

    vault write alicloudkms/aliases/team-hr/payroll key=payroll
    vault read alicloudkms/aliases/team-hr/payroll
    vault delete alicloudkms/aliases/team-hr/payroll
`,
		},
	}
}

var aliasFields = fields.Schemas{
	"alias": {
		Type:        framework.TypeString,
		Description: `The alias, without "alias/".`,
		Required:    true,
	},
	"key": {
		Type:        framework.TypeString,
		Description: "For write, required: the name of the key whose KMS key the alias points at.",
	},
}

func aliasListFields() map[string]*framework.FieldSchema {
	schemas := fields.PageSchemas()
	schemas["key"] = &framework.FieldSchema{
		Type:        framework.TypeString,
		Description: "The name of a key, to list only the aliases of its KMS key.",
		Query:       true,
	}
	return schemas
}

func (b *backend) aliasesList(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	aliases, err := b.collectAliases(ctx, req, d)
	if err != nil {
		return nil, err
	}
	return listWithNames(ctx, b, req, d, aliases, func(a kmsapi.AliasEntry, names cmkNames) map[string]any {
		return map[string]any{"key_id": a.KeyId, "arn": a.AliasArn, "names": names.of(a.KeyId)}
	})
}

// collectAliases lists all aliases, or those of the key that the caller names.
func (b *backend) collectAliases(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (l listing.Listing[kmsapi.AliasEntry], err error) {
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
		next = listAliasesOf(ctx, conn, k.entry.cmk())
	}
	l, err = listing.Collect(next, aliasName)
	return l, withKey(err, name)
}

// aliasName returns an alias without "alias/".
func aliasName(a kmsapi.AliasEntry) string {
	return strings.TrimPrefix(a.AliasName, kmsapi.AliasPrefix)
}

func listAliases(ctx context.Context, c *connection) listing.Fetch[kmsapi.AliasEntry] {
	return func(page int) ([]kmsapi.AliasEntry, int, error) {
		answer, err := call(ctx, c, &kmsapi.ListAliasesRequest{PageNumber: page, PageSize: listing.PageSize})
		if err != nil {
			return nil, 0, err
		}
		return answer.Aliases.Alias, answer.TotalCount, nil
	}
}

func listAliasesOf(ctx context.Context, c *connection, keyID string) listing.Fetch[kmsapi.AliasEntry] {
	return func(page int) ([]kmsapi.AliasEntry, int, error) {
		wanted := &kmsapi.ListAliasesByKeyIdRequest{KeyId: keyID, PageNumber: page, PageSize: listing.PageSize}
		answer, err := call(ctx, c, wanted)
		if err != nil {
			return nil, 0, err
		}
		return answer.Aliases.Alias, answer.TotalCount, nil
	}
}

func (b *backend) aliasWrite(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
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
	created, err := setAlias(ctx, conn, kmsapi.AliasPrefix+alias, k.entry.cmk())
	if err != nil {
		return nil, withKey(err, name)
	}
	return &logical.Response{Data: map[string]any{
		"alias": alias, "key": name, "key_id": k.entry.KeyID, "region": conn.region, "created": created,
	}}, nil
}

// setAlias points an alias at a CMK, whether or not the alias exists. KMS has no single call for that: if others create
// or delete the alias between the two calls, it starts over.
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
	return false, refusal.Conflict("other clients are creating and deleting the alias; try again when they are done")
}

// ownAlias returns the alias in the path, for a change. Aliases that Alibaba Cloud reserves for its own services can
// only be read.
func ownAlias(d *framework.FieldData) (string, error) {
	alias := d.Get("alias").(string)
	reserved := strings.TrimPrefix(kmsapi.ReservedAliasPrefix, kmsapi.AliasPrefix)
	if strings.HasPrefix(alias, reserved) {
		return "", refusal.BadRequest(
			"an alias that begins with %q can't be changed: Alibaba Cloud reserves those for its own services", reserved)
	}
	return alias, nil
}

func (b *backend) aliasRead(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	alias := d.Get("alias").(string)
	found, err := describeCMK(ctx, conn, kmsapi.AliasPrefix+alias)
	if err != nil {
		return nil, err
	}
	names, err := b.namesOfCMKs(ctx, req)
	if err != nil {
		return nil, err
	}
	id := found.KeyMetadata.KeyId
	return &logical.Response{Data: map[string]any{
		"alias": alias, "key_id": id, "region": conn.region, "names": names.of(id),
	}}, nil
}

func (b *backend) aliasDelete(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
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

package alicloudkms

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) keyPaths() []*framework.Path {
	return []*framework.Path{
		{
			Pattern: "keys/?$",
			Fields:  fields.PageSchemas(),
			Operations: operations{
				logical.ListOperation: anyNode(b.keysList, "list", "keys", answerFields{"keys": {Type: framework.TypeStringSlice}}),
			},
			HelpSynopsis: "The names of the engine's keys.",
			HelpDescription: `
List the names of the engine's keys, all of them or a page.

    vault list alicloudkms/keys
    curl -H "X-Vault-Token: $VAULT_TOKEN" "$VAULT_ADDR/v1/alicloudkms/keys?list=true&after=payroll&limit=100"
`,
		},
		{
			Pattern: "keys/" + fields.KeyName.Pattern,
			Fields:  keyFields,
			Operations: operations{
				logical.UpdateOperation: primaryOnly(b.answeredWhole(b.reserveName(b.keyCreate)), "create", "key", keyAnswer),
				logical.ReadOperation:   anyNode(b.showKey(b.keyRead), "read", "key", keyAnswer),
				logical.DeleteOperation: primaryOnly(b.keyDeletion(), "schedule-deletion-of", "key", answerFields{
					"key_id":                 {Type: framework.TypeString},
					"key_ids":                keyIDsField("The KMS keys whose deletion is scheduled, the oldest first."),
					"pending_window_in_days": {Type: framework.TypeInt},
				}),
			},
			HelpSynopsis: "Make, read and delete a key.",
			HelpDescription: `
Write to a new name to make a key in KMS. If the name exists, nothing changes, and a warning says so; if its KMS
key is scheduled for deletion, that is an error, unless recreate=true asks for a new KMS key. Read shows what KMS
says about the KMS key.

    vault write -f alicloudkms/keys/payroll
    vault write alicloudkms/keys/salaries protection_level=HSM description="salaries, by team HR" tags=team=hr
    vault write alicloudkms/keys/invoices instance_id=kst-hzz62f1cb66fa42qo7p3x
    vault write alicloudkms/keys/logs encryption=envelope
    vault read alicloudkms/keys/payroll

Delete schedules the deletion of the KMS key. Once KMS has deleted it, nothing that it encrypted can be read
again. Deletion must be allowed first, and can be canceled until the waiting period ends:

    vault write alicloudkms/keys/payroll/config deletion_allowed=true
    vault delete alicloudkms/keys/payroll pending_window_in_days=7
    vault write -f alicloudkms/keys/payroll/cancel_deletion

If the key has had other KMS keys before, all of them are deleted, the oldest first. If that fails half-way, the
error says which are scheduled; send the same request again to finish it, or cancel the deletion.

When KMS has deleted the KMS key, deregister removes the name.
`,
		},
	}
}

var keyFields = fields.WithTransit(joined(keySpecFields(), fields.Schemas{
	"name": nameField(),
	"origin": {
		Type:          framework.TypeString,
		Description:   "Where the key material comes from: Aliyun_KMS makes it (default), or it is imported later (EXTERNAL).",
		AllowedValues: []any{string(kmsapi.OriginKMS), string(kmsapi.OriginExternal)},
	},
	"protection_level": {
		Type:          framework.TypeString,
		Description:   "What holds the key material: SOFTWARE (default) or HSM.",
		AllowedValues: []any{string(kmsapi.ProtectionSoftware), string(kmsapi.ProtectionHSM)},
	},
	"instance_id": {
		Type:        framework.TypeString,
		Description: "The KMS instance that the KMS key is made in. Default: kms_instance_id of config. The kind of instance decides the protection level.",
	},
	"description": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description: fmt.Sprintf(
			"What the key is for, up to %d characters. KMS shows it too, followed by a marker of the engine.", maxDescription),
	},
	"tags": {
		Type:        framework.TypeKVPairs,
		Description: fmt.Sprintf("Tags for the KMS key, up to %d. Later, keys/NAME/tags changes them.", kmsapi.MaxTags),
	},
	"derived":            derivedField(),
	"encryption":         encryptionField(),
	"auto_rotate_period": versionSettings["auto_rotate_period"],
	"recreate": {
		Type:        framework.TypeBool,
		Description: "Whether to make a new KMS key if the present one is scheduled for deletion. The deletion goes on. The name keeps its bound_context, and derived and encryption unless they are given.",
	},
	"pending_window_in_days": {
		Type:        framework.TypeInt,
		Description: "For delete: how many days the KMS key is pending deletion, 7 to 30.",
		Default:     kmsapi.MaxPendingWindowInDays,
		Query:       true,
	},
}), "convergent_encryption", "exportable", "allow_plaintext_backup", "key_size")

func derivedField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:        framework.TypeBool,
		Description: "Whether each use of the key must give a context, as for a derived key of transit. It can't be changed later.",
	}
}

func (b *backend) keysList(
	ctx context.Context, req *logical.Request, d *framework.FieldData,
) (*logical.Response, error) {
	page := fields.PageOf(d)
	names, err := req.Storage.List(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	return logical.ListResponse(page.Select(slices.Values(names))), nil
}

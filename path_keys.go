package alicloudkms

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
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
				logical.UpdateOperation: primaryOnly(b.reserveName(b.keyCreate), "create", "key", keyAnswer),
				logical.ReadOperation:   anyNode(b.showKey(b.keyRead), "read", "key", keyAnswer),
				logical.DeleteOperation: primaryOnly(b.changeKey(b.keyDelete), "schedule-deletion-of", "key", answerFields{
					"key_id":                 {Type: framework.TypeString},
					"pending_window_in_days": {Type: framework.TypeInt},
				}),
			},
			HelpSynopsis: "Make, read and delete a key.",
			HelpDescription: `
Write to a new name to make a CMK in KMS. An existing name is answered with a warning, and nothing
changes. Read shows what KMS says about the CMK now.

    vault write -f alicloudkms/keys/payroll
    vault write alicloudkms/keys/salaries protection_level=HSM description="salaries, by team HR" tags=team=hr
    vault write alicloudkms/keys/invoices instance_id=kst-hzz62f1cb66fa42qo7p3x
    vault read alicloudkms/keys/payroll

Delete schedules the deletion of the CMK, after which nothing that it encrypted can be read again. It
must be allowed first, and can be cancelled until the waiting period ends:

    vault write alicloudkms/keys/payroll/config deletion_allowed=true
    vault delete alicloudkms/keys/payroll pending_window_in_days=7
    vault write -f alicloudkms/keys/payroll/cancel_deletion

When KMS has deleted the CMK, deregister removes the name.
`,
		},
	}
}

var keyFields = fields.WithTransit(fields.Schemas{
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
		Description: "The KMS instance that the CMK is made in. Default: kms_instance_id of config. What it is decides the protection level.",
	},
	"description": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description: fmt.Sprintf(
			"What the key is for, up to %d characters. KMS shows it too, followed by a marker of the engine.", maxDescription),
	},
	"tags": {
		Type:        framework.TypeKVPairs,
		Description: "Tags for the CMK, up to 10. Later, keys/NAME/tags changes them.",
	},
	"pending_window_in_days": {
		Type:        framework.TypeInt,
		Description: "For delete: how many days the CMK waits before it is deleted, 7 to 30.",
		Default:     kmsapi.MaxPendingWindowInDays,
		Query:       true,
	},
}, "type", "derived", "convergent_encryption", "exportable", "allow_plaintext_backup", "auto_rotate_period", "key_size")

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

func (b *backend) keyCreate(
	ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
) (*logical.Response, error) {
	wanted, err := createKeyRequest(d)
	if err != nil {
		return nil, err
	}
	tags := d.Get("tags").(map[string]string)
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	entry, recovered, err := b.findKey(ctx, req, name)
	switch {
	case err != nil:
		return nil, err
	case recovered:
		resp := &logical.Response{Data: entry.fields(name)}
		resp.AddWarning(fmt.Sprintf("KMS had made a CMK for key %q in an earlier attempt that was interrupted; the key has that CMK now, and no other was made. "+
			"Its origin, protection_level and description are what that attempt asked for", name))
		return b.tagNewKey(ctx, req, target{name, entry}, tags, resp), nil
	case entry != nil:
		resp := &logical.Response{Data: entry.fields(name)}
		resp.AddWarning(fmt.Sprintf("key %q already existed; nothing was changed", name))
		return resp, nil
	}
	made, metadata, err := b.makeKey(ctx, req, name, wanted)
	if err != nil {
		return nil, err
	}
	resp := made.answer(name, metadata)
	if level := wanted.ProtectionLevel; level != "" && level != metadata.ProtectionLevel {
		resp.AddWarning(fmt.Sprintf("The protection level is %s, as the KMS instance decides it; protection_level was ignored",
			metadata.ProtectionLevel))
	}
	return b.tagNewKey(ctx, req, target{name, made}, tags, resp), nil
}

// tagNewKey sets the tags of a new key. The key exists even if that fails, so a failure is only a warning.
func (b *backend) tagNewKey(
	ctx context.Context, req *logical.Request, k target, tags map[string]string, resp *logical.Response,
) *logical.Response {
	conn, err := b.connection(ctx, req)
	if err == nil {
		err = withKey(setTags(ctx, conn, k.entry.cmk(), tags), k.name)
	}
	if err != nil {
		resp.AddWarning(fmt.Sprintf("The key was made, but its tags might not have been set: %s",
			refusal.Sentences(b.coded(req, err).Error(),
				fmt.Sprintf("To set them, run: vault write %skeys/%s/tags tags=...", mount(req), k.name))))
		tags = nil
	}
	resp.Data["tags"] = orEmpty(tags)
	return resp
}

// createKeyRequest checks the fields that describe a new CMK.
func createKeyRequest(d *framework.FieldData) (*kmsapi.CreateKeyRequest, error) {
	wanted := &kmsapi.CreateKeyRequest{
		Origin:          kmsapi.Origin(d.Get("origin").(string)),
		ProtectionLevel: kmsapi.ProtectionLevel(d.Get("protection_level").(string)),
		Description:     d.Get("description").(string),
		DKMSInstanceId:  d.Get("instance_id").(string),
	}
	switch wanted.Origin {
	case "", kmsapi.OriginKMS, kmsapi.OriginExternal:
	default:
		return nil, refusal.BadRequest("origin must be %s or %s", kmsapi.OriginKMS, kmsapi.OriginExternal)
	}
	switch wanted.ProtectionLevel {
	case "", kmsapi.ProtectionSoftware, kmsapi.ProtectionHSM:
	default:
		return nil, refusal.BadRequest("protection_level must be %s or %s", kmsapi.ProtectionSoftware, kmsapi.ProtectionHSM)
	}
	if wanted.DKMSInstanceId != "" && !instanceID.MatchString(wanted.DKMSInstanceId) {
		return nil, refusal.BadRequest("instance_id must be the id of a KMS instance, such as %s", exampleInstance)
	}
	if utf8.RuneCountInString(wanted.Description) > maxDescription {
		return nil, refusal.BadRequest("description is too long: it may have %d characters", maxDescription)
	}
	return wanted, nil
}

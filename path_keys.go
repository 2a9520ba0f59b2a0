package alicloudkms

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
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
	"description": {
		Type:        framework.TypeString,
		Description: fmt.Sprintf("What the key is for, up to %d characters. KMS shows it too, followed by a marker of the engine.", maxDescription),
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

var keyAnswer = answerFields{
	"name":                 {Type: framework.TypeString},
	"key_id":               {Type: framework.TypeString},
	"region":               {Type: framework.TypeString},
	"deletion_allowed":     {Type: framework.TypeBool},
	"bound_context":        {Type: framework.TypeKVPairs},
	"arn":                  {Type: framework.TypeString},
	"key_state":            {Type: framework.TypeString},
	"key_spec":             {Type: framework.TypeString},
	"key_usage":            {Type: framework.TypeString},
	"origin":               {Type: framework.TypeString},
	"protection_level":     {Type: framework.TypeString},
	"creator":              {Type: framework.TypeString},
	"creation_date":        {Type: framework.TypeString},
	"delete_date":          {Type: framework.TypeString},
	"material_expire_time": {Type: framework.TypeString},
	"description":          {Type: framework.TypeString},
	"tags":                 {Type: framework.TypeKVPairs},

	"keys":                   {Type: framework.TypeMap, Description: "As in transit: when version 1 was made, in seconds since 1970."},
	"latest_version":         {Type: framework.TypeInt, Description: "As in transit. It is 1, as in every ciphertext."},
	"min_available_version":  {Type: framework.TypeInt, Description: "As in transit."},
	"min_decryption_version": {Type: framework.TypeInt, Description: "As in transit."},
	"min_encryption_version": {Type: framework.TypeInt, Description: "As in transit."},
	"supports_encryption":    {Type: framework.TypeBool, Description: "As in transit."},
	"supports_decryption":    {Type: framework.TypeBool, Description: "As in transit."},
	"supports_derivation":    {Type: framework.TypeBool, Description: "As in transit."},
	"supports_signing":       {Type: framework.TypeBool, Description: "As in transit."},
}

// metadataFields are the live fields of a CMK in answers. Dates that do not apply are empty.
func metadataFields(m kmsapi.KeyMetadata) map[string]any {
	return map[string]any{
		"arn":                  m.Arn,
		"key_state":            string(m.KeyState),
		"key_spec":             m.KeySpec,
		"key_usage":            m.KeyUsage,
		"origin":               string(m.Origin),
		"protection_level":     string(m.ProtectionLevel),
		"creator":              m.Creator,
		"creation_date":        m.CreationDate,
		"delete_date":          m.DeleteDate,
		"material_expire_time": m.MaterialExpireTime,
		"description":          withoutMarker(m.Description),
	}
}

func (b *backend) keysList(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	page := fields.PageOf(d)
	names, err := req.Storage.List(ctx, keyPrefix)
	if err != nil {
		return nil, err
	}
	return logical.ListResponse(page.Select(slices.Values(names))), nil
}

func (b *backend) keyCreate(ctx context.Context, req *logical.Request, name string, d *framework.FieldData) (*logical.Response, error) {
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
	return b.tagNewKey(ctx, req, target{name, made}, tags, made.answer(name, metadata)), nil
}

// tagNewKey sets the tags of a new key. The key exists even if that fails, so a failure is only a warning.
func (b *backend) tagNewKey(ctx context.Context, req *logical.Request, k target, tags map[string]string, resp *logical.Response) *logical.Response {
	conn, err := b.connection(ctx, req)
	if err == nil {
		err = withKey(setTags(ctx, conn, k.entry.KeyID, tags), k.name)
	}
	if err != nil {
		resp.AddWarning(fmt.Sprintf("The key was made, but its tags might not have been set: %s",
			refusal.Sentences(b.coded(req, err).Error(), fmt.Sprintf("To set them, run: vault write %skeys/%s/tags tags=...", mount(req), k.name))))
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
	if utf8.RuneCountInString(wanted.Description) > maxDescription {
		return nil, refusal.BadRequest("description is too long: it may have %d characters", maxDescription)
	}
	return wanted, nil
}

// answer shows an entry together with the live metadata of its CMK.
func (e *keyEntry) answer(name string, m kmsapi.KeyMetadata) *logical.Response {
	data := e.fields(name)
	maps.Copy(data, metadataFields(m))
	maps.Copy(data, transitMetadata(m))
	return &logical.Response{Data: data}
}

func (b *backend) keyRead(ctx context.Context, req *logical.Request, k target, _ *framework.FieldData) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	found, err := describeCMK(ctx, conn, k.entry.KeyID)
	if err != nil {
		return nil, err
	}
	return b.withTags(ctx, req, conn, k, k.entry.answer(k.name, found.KeyMetadata)), nil
}

// withTags adds the tags of a key to an answer. The engine's RAM user may lack the permission to see them, so a failure
// is only a warning.
func (b *backend) withTags(ctx context.Context, req *logical.Request, c *connection, k target, resp *logical.Response) *logical.Response {
	tags, err := readTags(ctx, c, k.entry.KeyID)
	if err != nil {
		resp.AddWarning("The tags are not shown: " + b.coded(req, withKey(err, k.name)).Error())
	}
	resp.Data["tags"] = orEmpty(tags)
	return resp
}

// transitMetadata is what transit's clients read of a key, and fail without. KMS does not show the versions of a CMK,
// so there is one: the keyVersion of every ciphertext.
func transitMetadata(m kmsapi.KeyMetadata) map[string]any {
	versions := map[string]any{}
	if made, err := time.Parse(kmsapi.TimeFormat, m.CreationDate); err == nil {
		versions[strconv.Itoa(keyVersion)] = made.Unix()
	}
	return map[string]any{
		"keys":                   versions,
		"latest_version":         keyVersion,
		"min_available_version":  0,
		"min_decryption_version": keyVersion,
		"min_encryption_version": 0,
		"supports_encryption":    true,
		"supports_decryption":    true,
		"supports_derivation":    false,
		"supports_signing":       false,
	}
}

// orEmpty returns tags for an answer, in which no tags are an empty map.
func orEmpty(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return tags
}

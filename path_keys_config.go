package alicloudkms

import (
	"context"
	"maps"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

func (b *backend) keyConfigPaths() []*framework.Path {
	write := b.answeredWhole(b.changeKey(b.keyConfigWrite))
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/config",
		Fields: fields.WithTransit(joined(versionSettings, cmkSettings, fields.Schemas{
			"name":       nameField(),
			"encryption": encryptionField(),
			"deletion_allowed": {
				Type:        framework.TypeBool,
				Description: "Whether delete may schedule the deletion of the KMS key. If the KMS key has several names, all must allow it.",
			},
			"bound_context": {
				Type:        framework.TypeKVPairs,
				Description: "Entries that are part of every encryption context of this key. A caller can't override them.",
			},
		}), "exportable", "allow_plaintext_backup"),
		Operations: operations{
			logical.UpdateOperation: primaryOnly(write, "configure", "key", keyAnswer),
			logical.PatchOperation:  primaryOnly(write, "patch", "key-configuration", keyAnswer),
			logical.ReadOperation:   anyNode(b.answeredWhole(b.showKey(keyConfigRead)), "read", "key-configuration", keyAnswer),
		},
		HelpSynopsis: "What can be changed about a key.",
		HelpDescription: `
Configure a key. Fields that are not given keep their values. A write replaces the whole bound_context; a
patch changes only the entries that it gives, and removes those that are null.

    vault write alicloudkms/keys/payroll/config deletion_allowed=true
    vault write alicloudkms/keys/payroll/config deletion_protection=true description="salaries, by team HR"
    vault write alicloudkms/keys/payroll/config bound_context=team=hr
    vault write alicloudkms/keys/payroll/config bound_context='{}'

A ciphertext opens only with the bound_context that it was encrypted with: set it before the key is
used, and keep a note of it before you change it.

    vault patch alicloudkms/keys/payroll/config deletion_allowed=false

With encryption=envelope the engine itself encrypts, with data keys that KMS opens; encryption=direct goes back.
Ciphertexts of both modes open in either. While a key has data keys, its bound_context can't be changed.

    vault write alicloudkms/keys/payroll/config encryption=envelope
`,
	}}
}

// keyConfigWrite also serves patches.
func (b *backend) keyConfigWrite(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) (*logical.Response, error) {
	change, err := cmkChangeOf(d)
	if err != nil {
		return nil, err
	}
	before := k.entry.BoundContext
	if allowed, ok := d.GetOk("deletion_allowed"); ok {
		k.entry.DeletionAllowed = allowed.(bool)
	}
	switch bound := d.Raw["bound_context"].(type) {
	case map[string]string:
		k.entry.BoundContext = bound
	case fields.MapPatch:
		k.entry.BoundContext = bound.Apply(before)
	}
	if err := checkContext("bound_context", k.entry.BoundContext, before); err != nil {
		return nil, err
	}
	if k.entry.isAsymmetric() && len(k.entry.BoundContext) > 0 {
		return nil, errBindsNothing("bound_context")
	}
	if !maps.Equal(before, k.entry.BoundContext) && k.entry.hasDataKeys() {
		return nil, errKeepsBound
	}
	if err := b.changeEncryption(ctx, req, k, d); err != nil {
		return nil, err
	}
	if err := b.configureVersions(ctx, req, k, d); err != nil {
		return nil, err
	}
	if err := b.configureRotation(ctx, req, k, d); err != nil {
		return nil, err
	}
	if err := b.changeCMK(ctx, req, k, change); err != nil {
		return nil, err
	}
	resp := k.entry.stored(k.name)
	if !maps.Equal(before, k.entry.BoundContext) {
		resp.AddWarning("The bound_context has changed: existing ciphertexts and data keys open only with the one that they were made with. Keep a note of it.")
		others, err := b.keysThatCanDecrypt(ctx, req, k.name, k.entry)
		if err != nil {
			return nil, err
		}
		k.entry.warnOfSharedCMK(resp, others)
	}
	return resp, b.storeKey(ctx, req.Storage, k.name, k.entry)
}

var errKeepsBound = refusal.BadRequest("bound_context can't be changed: KMS has bound it to the data keys of the key, which would no longer open. Make another key, in direct mode, and write bound_context and encryption=envelope to its config together; or go back to direct mode, and trim the versions that are data keys")

func keyConfigRead(_ context.Context, _ *logical.Request, k target, _ *framework.FieldData) (*logical.Response, error) {
	return k.entry.stored(k.name), nil
}

package alicloudkms

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// arnPrefix is what the ARNs of CMKs and aliases begin with.
const arnPrefix = "acs:kms:"

// maxKeyID bounds a key_id, in bytes: an ARN of an alias is the longest.
const maxKeyID = 1024

func (b *backend) registerPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/register",
		Fields: fields.Schemas{
			"name": nameField(),
			"key_id": {
				Type:        framework.TypeString,
				Description: `The KMS key: its id, or an alias of it that begins with "alias/". For a KMS key of another account: its ARN.`,
				Required:    true,
			},
			"previous_key_ids": {
				Type:        framework.TypeCommaStringSlice,
				Description: "The KMS keys that the key had before key_id, the oldest first: what they have encrypted opens too.",
			},
			"bound_context": {
				Type:        framework.TypeKVPairs,
				Description: "Entries that are part of every encryption context of this key. A caller can't override them.",
			},
			"derived": derivedField(),
		},
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.answeredWhole(b.reserveName(b.keyRegister)), "register", "key", keyAnswer),
		},
		HelpSynopsis: "Give a name to a KMS key that exists already.",
		HelpDescription: `
Adopt a KMS key, which must exist in the engine's region. Nothing changes in KMS. An alias is
resolved once: the key stays with the KMS key that the alias names now.

    vault write alicloudkms/keys/payroll/register key_id=1234abcd-12ab-34cd-56ef-1234567890ab
    vault write alicloudkms/keys/invoices/register key_id=alias/shared bound_context=team=invoices
    vault write alicloudkms/keys/payroll/register key_id=5678abcd-... previous_key_ids=1234abcd-...,2345abcd-...
    vault write alicloudkms/keys/partner/register key_id=acs:kms:cn-hangzhou:1000000000000001:key/key-hzz...

The KMS key of another account needs its ARN, and the permission of both accounts.

Several names may share one KMS key. Each can decrypt what the others encrypt, unless the bound_context of
each has an entry of the same name, with a different value.
`,
	}}
}

func (b *backend) keyRegister(
	ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
) (*logical.Response, error) {
	entry, err := loadKey(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	id, bound, err := registration(d, entry)
	derived := d.Get("derived").(bool)
	if err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	found, err := describeCMK(ctx, conn, id)
	if err != nil {
		return nil, err
	}
	cmk := found.KeyMetadata
	last := givenCMK{id, cmk}
	previous, err := describePrevious(ctx, conn, d, last)
	if err != nil {
		return nil, err
	}
	switch {
	case entry != nil && entry.Derived == derived && entry.isRegistered(last, previous, bound):
		resp := b.withTags(ctx, req, conn, target{name, entry}, entry.answer(name, cmk))
		resp.AddWarning(fmt.Sprintf("key %q is already registered with these settings; nothing was changed", name))
		warnOfState(resp, cmk)
		return resp, nil
	case entry != nil:
		return nil, refusal.Conflict("key %q exists, with the KMS key %s or with others before it, or with another bound_context or derived; use another name, or deregister the key first: vault write -f %skeys/%s/deregister",
			name, entry.KeyID, mount(req), name)
	case kmsapi.IsAsymmetric(cmk.KeySpec) && len(bound) > 0:
		return nil, errBindsNothing("bound_context")
	case kmsapi.IsAsymmetric(cmk.KeySpec) && derived:
		return nil, errBindsNothing("derived")
	}
	entry, err = b.registered(ctx, conn, name, append(previous, last), bound)
	if err != nil {
		return nil, err
	}
	entry.Derived = derived
	return b.adopt(ctx, req, conn, target{name, entry}, cmk)
}

// arnOf returns the ARN of a CMK if the caller gave its ARN, or that of an alias, because KMS does not find the CMK of
// another account by its id.
func arnOf(given string, cmk kmsapi.KeyMetadata) string {
	if strings.HasPrefix(given, arnPrefix) {
		return cmk.Arn
	}
	return ""
}

// registration returns the checked fields of register. known is the key that has the name already, and may be nil.
func registration(d *framework.FieldData, known *keyEntry) (id string, bound map[string]string, err error) {
	id = d.Get("key_id").(string)
	if id == "" || len(id) > maxKeyID {
		return "", nil, badKeyID()
	}
	bound, _ = d.Get("bound_context").(map[string]string)
	var kept map[string]string
	if known != nil {
		kept = known.BoundContext
	}
	return id, bound, checkContext("bound_context", bound, kept)
}

func badKeyID() error {
	return refusal.BadRequest("key_id is required: the id or ARN of a KMS key, or an alias that begins with %s",
		kmsapi.AliasPrefix)
}

// adopt stores the entry of an existing CMK, and warns of what its owner should know.
func (b *backend) adopt(
	ctx context.Context, req *logical.Request, conn *connection, k target, cmk kmsapi.KeyMetadata,
) (*logical.Response, error) {
	release, err := b.reserveUnshared(ctx, req, k, k.entry.cmks()...)
	if err != nil {
		return nil, err
	}
	defer release()
	others, err := b.keysThatCanDecrypt(ctx, req, k.name, k.entry)
	if err != nil {
		return nil, err
	}
	if err := b.storeKey(ctx, req.Storage, k.name, k.entry); err != nil {
		return nil, err
	}
	b.Logger().Info("a key was registered", "key", k.name, "key_ids", ids(k.entry.cmks()), "region", k.entry.Region)
	resp := b.withTags(ctx, req, conn, k, k.entry.answer(k.name, cmk))
	k.entry.warnOfSharedCMK(resp, others)
	k.entry.warnOfUnknownVersion(resp)
	warnOfState(resp, cmk)
	return resp, nil
}

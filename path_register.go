package alicloudkms

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
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
				Description: "The KMS keys that the key had before key_id, the oldest first, so that their ciphertexts open too.",
			},
			"bound_context": {
				Type:        framework.TypeKVPairs,
				Description: "Entries that are part of every encryption context of this key. A caller can't override them.",
			},
			"derived":       derivedField(),
			"envelope_text": envelopeTextField(),
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

Give the KMS key of another account by its ARN. Both accounts must permit its use.

To bring back a key that had data keys of envelope mode, also give its bound_context and one of its ciphertexts, the
newest that you have:

    vault write alicloudkms/keys/payroll/register key_id=1234abcd-... envelope_text=vault:v5:...

Several names may share one KMS key. Each can decrypt what the others encrypt, unless the bound_context of
each has an entry of the same name, with a different value.
`,
	}}
}

// A registration is a request to register.
type registration struct {
	// last is the CMK of key_id, and previous are the CMKs before it, the oldest first.
	last     givenCMK
	previous []givenCMK
	bound    map[string]string
	derived  bool
	// former is the message of envelope_text, and nil if none is given.
	former *envelope.Message
}

func (b *backend) keyRegister(
	ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
) (*logical.Response, error) {
	known, err := loadKey(ctx, req.Storage, name)
	if err != nil {
		return nil, err
	}
	wanted, err := registrationOf(d, known)
	if err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := wanted.describe(ctx, conn, d); err != nil {
		return nil, err
	}
	if known != nil {
		return b.alreadyRegistered(ctx, req, conn, target{name, known}, wanted)
	}
	if err := wanted.checkBinding(); err != nil {
		return nil, err
	}
	entry, err := b.registered(ctx, conn, name, wanted)
	if err != nil {
		return nil, err
	}
	return b.adopt(ctx, req, conn, target{name, entry}, wanted.last.KeyMetadata)
}

// alreadyRegistered is register for a name that has a key.
func (b *backend) alreadyRegistered(
	ctx context.Context, req *logical.Request, conn *connection, k target, wanted registration,
) (*logical.Response, error) {
	if !wanted.isOf(k.entry) {
		return nil, refusal.Conflict("key %q exists, with the KMS key %s, or with other previous KMS keys, or with another bound_context, derived or envelope id; use another name, or deregister the key first: vault write -f %skeys/%s/deregister",
			k.name, k.entry.KeyID, mount(req), k.name)
	}
	cmk := wanted.last.KeyMetadata
	resp := b.withTags(ctx, req, conn, k, k.entry.answer(k.name, cmk))
	resp.AddWarning(fmt.Sprintf("key %q is already registered with these settings; nothing was changed", k.name))
	wanted.warnOfNewer(resp, k.entry)
	warnOfState(resp, cmk)
	return resp, nil
}

// arnOf returns the ARN of a CMK if the caller gave an ARN, of the CMK or an alias, because KMS does not find a CMK of
// another account by its id.
func arnOf(given string, cmk kmsapi.KeyMetadata) string {
	if strings.HasPrefix(given, arnPrefix) {
		return cmk.Arn
	}
	return ""
}

// registrationOf returns the checked fields of register, without what only KMS knows. known is the key that already has
// the name, and may be nil.
func registrationOf(d *framework.FieldData, known *keyEntry) (r registration, err error) {
	r.last.given = d.Get("key_id").(string)
	if r.last.given == "" || len(r.last.given) > maxKeyID {
		return r, badKeyID()
	}
	r.bound, _ = d.Get("bound_context").(map[string]string)
	r.derived = d.Get("derived").(bool)
	var kept map[string]string
	if known != nil {
		kept = known.BoundContext
	}
	if err := checkContext("bound_context", r.bound, kept); err != nil {
		return r, err
	}
	r.former, err = formerMessage(d)
	return r, err
}

// describe asks KMS for the CMKs.
func (r *registration) describe(ctx context.Context, conn *connection, d *framework.FieldData) error {
	found, err := describeCMK(ctx, conn, r.last.given)
	if err != nil {
		return err
	}
	r.last.KeyMetadata = found.KeyMetadata
	r.previous, err = describePrevious(ctx, conn, d, r.last)
	return err
}

// checkBinding refuses key pairs with settings that bind a context, since KMS binds nothing to their ciphertexts.
func (r *registration) checkBinding() error {
	switch {
	case !kmsapi.IsAsymmetric(r.last.KeySpec):
		return nil
	case len(r.bound) > 0:
		return errBindsNothing("bound_context")
	case r.derived:
		return errBindsNothing("derived")
	case r.former != nil:
		return errBindsNothing("envelope_text")
	default:
		return nil
	}
}

func badKeyID() error {
	return refusal.BadRequest("key_id is required: the id or ARN of a KMS key, or an alias that begins with %s",
		kmsapi.AliasPrefix)
}

// adopt stores the entry of an existing CMK, and adds the warnings that its owner needs.
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
	sharers, err := b.keysOfEnvelope(ctx, req, k)
	if err != nil {
		return nil, err
	}
	if err := b.storeKey(ctx, req.Storage, k.name, k.entry); err != nil {
		return nil, err
	}
	b.Logger().Info("a key was registered", "key", k.name, "key_ids", ids(k.entry.cmks()), "region", k.entry.Region)
	resp := b.withTags(ctx, req, conn, k, k.entry.answer(k.name, cmk))
	k.entry.warnOfSharedCMK(resp, others)
	warnOfSharedEnvelope(resp, sharers)
	k.entry.warnOfUnknownVersion(resp)
	warnOfState(resp, cmk)
	return resp, nil
}

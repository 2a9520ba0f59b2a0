package alicloudkms

import (
	"cmp"
	"context"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) importVersionPath() *framework.Path {
	return &framework.Path{
		Pattern: "keys/" + fields.KeyName.Pattern + "/import_version",
		Fields:  importVersionFields,
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.answeredWhole(b.changeKey(b.keyImportVersion)),
				"import", "key-version", keyAnswer),
		},
		HelpSynopsis: "Import your own key material as the next version of a key.",
		HelpDescription: `
Import key material, or a private key, as the next version of a key, as transit's client does:

    vault transit import-version alicloudkms/keys/payroll @material.b64
    vault write alicloudkms/keys/payroll/import_version ciphertext=@wrapped.b64 expire_time=2030-01-01T00:00:00Z

A KMS key takes only one material, for good, so a new KMS key of origin EXTERNAL is made for it, like the present one.
It costs what a KMS key costs. If a request fails half-way, send it again to finish it. If the material must not pass
through Vault in clear, import it into a KMS key of another name, and rotate to that:

    vault write alicloudkms/keys/payroll/rotate key_id=1234abcd-12ab-34cd-56ef-1234567890ab
`,
	}
}

var importVersionFields = fields.WithTransit(fields.Schemas{
	"name":          nameField(),
	"ciphertext":    importFields["ciphertext"],
	"hash_function": importFields["hash_function"],
	"expire_time":   importFields["expire_time"],
}, "type", "allow_rotation", "exportable", "allow_plaintext_backup", "auto_rotate_period", "context",
	"convergent_encryption", "public_key", "version")

func (b *backend) keyImportVersion(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
) (*logical.Response, error) {
	if d.Get("ciphertext").(string) == "" {
		return nil, refusal.BadRequest("ciphertext is required: vault transit import-version makes it from the key material")
	}
	wanted, err := newImport(&framework.FieldData{Schema: importFields, Raw: d.Raw})
	if err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	material, err := b.unwrapMaterial(ctx, req, k.entry.KeySpec, wanted)
	if err != nil {
		return nil, err
	}
	defer clear(material)
	if err := b.readyForVersion(ctx, conn, k); err != nil {
		return nil, err
	}
	return b.importNext(ctx, req, conn, k, materialImport{wanted, material})
}

// A materialImport is key material with the caller's options for its import.
type materialImport struct {
	*keyImport
	material []byte
}

// unwrapMaterial returns the material that transit's client wrapped for a CMK of a KeySpec. The caller must clear it.
func (b *backend) unwrapMaterial(
	ctx context.Context, req *logical.Request, keySpec string, wanted *keyImport,
) ([]byte, error) {
	if keySpec = cmp.Or(keySpec, kmsapi.KeySpecAES256); keySpec == kmsapi.KeySpecSM2 {
		return nil, errUnopenedOnly
	}
	key, err := loadWrappingKey(ctx, req.Storage)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, refusal.BadRequest(
			"nothing can have been wrapped for this mount yet: it has no wrapping key. To make it, run: vault read %swrapping_key", mount(req))
	}
	if kmsapi.IsAsymmetric(keySpec) {
		return wanted.unwrapPair(key, keySpec)
	}
	material, err := keywrap.Unwrap(key, wanted.newHash, wanted.ciphertext, kmsapi.MaterialSize(keySpec))
	if err != nil {
		return nil, refusal.BadRequest("the field %q %s", "ciphertext", err)
	}
	return material, nil
}

// importNext makes the CMK for the material, or takes the one of an earlier attempt, and lets it follow once it has the
// material: a key whose newest version has no material could not be used.
func (b *backend) importNext(
	ctx context.Context, req *logical.Request, conn *connection, k target, m materialImport,
) (*logical.Response, error) {
	old, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return nil, err
	}
	begun, made, err := b.interruptedImport(ctx, req, conn, k)
	if err != nil {
		return nil, err
	}
	finish := func(ctx context.Context, made kmsapi.KeyMetadata) (*keyEntry, error) {
		return b.followWithMaterial(ctx, req, conn, k, begun.creation, made, m)
	}
	if made.KeyId != "" {
		next, err := finish(ctx, made)
		if err != nil {
			return nil, err
		}
		b.settled(context.WithoutCancel(ctx), req.Storage, begun.id)
		return rotated(target{k.name, next}, append(b.makeAlike(ctx, conn, target{k.name, next}, begun.creation),
			aliasesStay(k.entry))...), nil
	}
	c := newCreation(target{k.name, nil}, conn)
	c.Imported = true
	if begun, err = b.beginFollowing(ctx, req, conn, k, old.KeyMetadata, c); err != nil {
		return nil, err
	}
	wanted := likeCMK(old.KeyMetadata, creation{})
	wanted.Origin, wanted.EnableAutomaticRotation, wanted.RotationInterval = kmsapi.OriginExternal, false, ""
	return b.makeFollowing(ctx, req, conn, k, begun, wanted, finish)
}

// interruptedImport returns an unsettled import of the key's next version, and the CMK that it made.
func (b *backend) interruptedImport(
	ctx context.Context, req *logical.Request, conn *connection, k target,
) (logged, kmsapi.KeyMetadata, error) {
	var none kmsapi.KeyMetadata
	begun, err := b.creationsOf(ctx, req.Storage, k.name)
	if err != nil {
		return logged{}, none, err
	}
	for id, c := range begun {
		if c.Follows != k.entry.KeyID || !c.Imported || c.Region != conn.region {
			continue
		}
		made, err := b.findCMK(ctx, req, conn, &c)
		if err != nil || made.KeyId != "" {
			return logged{id, c}, made, err
		}
	}
	return logged{}, none, nil
}

// followWithMaterial imports material into a CMK that was made for it, and lets it follow.
func (b *backend) followWithMaterial(
	ctx context.Context, req *logical.Request, conn *connection, k target, c creation, made kmsapi.KeyMetadata,
	m materialImport,
) (*keyEntry, error) {
	into := &keyEntry{storedCMK: storedCMK{KeyID: made.KeyId, Instance: made.DKMSInstanceId}, KeySpec: made.KeySpec}
	if err := importMaterial(ctx, conn, into, m.material, m.keyImport); err != nil {
		return nil, withKey(err, k.name)
	}
	found, err := describeCMK(ctx, conn, made.KeyId)
	if err != nil {
		return nil, withKey(err, k.name)
	}
	b.Logger().Info("key material was imported for the next version of a key",
		"key", k.name, "key_id", made.KeyId, "region", c.Region, "expires", m.expireTime())
	return b.follow(ctx, req, conn, k.entry, c, found.KeyMetadata)
}

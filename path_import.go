package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (b *backend) importPaths() []*framework.Path {
	return []*framework.Path{b.importParametersPath(), b.importVersionPath(), {
		Pattern: "keys/" + fields.KeyName.Pattern + "/import",
		Fields:  importFields,
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.renewing(b.keyImport), "import", "key", answerFields{
				"name":                 {Type: framework.TypeString},
				"key_id":               {Type: framework.TypeString},
				"region":               {Type: framework.TypeString},
				"material_expire_time": {Type: framework.TypeString},
			}),
		},
		HelpSynopsis: "Bring your own key material.",
		HelpDescription: `
Import 32 bytes of key material (for Aliyun_SM4 16), or the private key of a key pair. With transit's client, Vault
unwraps it, wraps it for KMS and forgets it. A key that does not exist is made, with origin EXTERNAL:

    vault transit import alicloudkms/keys/payroll @material.b64 expire_time=2030-01-01T00:00:00Z

    vault transit import alicloudkms/keys/release @release.pk8.b64 type=ecdsa-p256

Or wrap the material for KMS yourself, so that it never passes through Vault in clear:

    vault write alicloudkms/keys/payroll origin=EXTERNAL
    vault write alicloudkms/keys/payroll/import_parameters wrapping_algorithm=RSAES_OAEP_SHA_256
    vault write alicloudkms/keys/payroll/import encrypted_key_material=@wrapped.b64 import_token=@token

A KMS key takes only one material, for good. Importing it again sets a new expire_time, and restores material that
has expired or was deleted. If a request fails half-way, send it again to finish it.
`,
	}}
}

var importFields = fields.WithTransit(joined(keySpecFields(), fields.Schemas{
	"name": nameField(),
	"ciphertext": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "As for transit: base64 of an AES-256 key encrypted with wrapping_key by RSA-OAEP, followed by the key material wrapped by AES-KWP with that key.",
	},
	"hash_function": {
		Type:          framework.TypeString,
		Description:   "The hash of RSA-OAEP and of its mask generation in ciphertext: SHA1, SHA224, SHA256 (default), SHA384 or SHA512.",
		AllowedValues: []any{"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"},
	},
	"encrypted_key_material": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "Base64 of the key material, encrypted with the public_key of import_parameters. It goes to KMS unopened, with import_token.",
	},
	"import_token": {
		Type:         framework.TypeString,
		Description:  "The import_token that came with that public_key.",
		DisplayAttrs: &framework.DisplayAttributes{Sensitive: true, EditType: fields.InBase64},
	},
	"expire_time": {
		Type:        framework.TypeTime,
		Description: "When the material expires, as RFC 3339 or in seconds since 1970. Without it: never.",
	},
	"description": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description:  "For a new key: what it is for, up to 8157 characters.",
	},
	"derived":          derivedField(),
	"encryption":       encryptionField(),
	"protection_level": keyFields["protection_level"],
	"instance_id":      keyFields["instance_id"],
}), "allow_rotation", "exportable", "allow_plaintext_backup", "auto_rotate_period", "context",
	"convergent_encryption", "public_key", "version")

// keyImport handles import. It touches the CMK of a key that already existed.
func (b *backend) keyImport(touched *touchedCMKs) framework.OperationFunc {
	return b.reserveName(func(
		ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
	) (*logical.Response, error) {
		return b.importInto(ctx, req, name, d, touched)
	})
}

// importInto imports key material into the key called name. If transit's client sent it and there is no such key, it
// makes the key. A key that was made before a later step failed stays, so that the next request finds it and continues.
func (b *backend) importInto(
	ctx context.Context, req *logical.Request, name string, d *framework.FieldData, touched *touchedCMKs,
) (*logical.Response, error) {
	wanted, err := newImport(d)
	if err != nil {
		return nil, err
	}
	entry, _, err := b.findKey(ctx, req, name)
	if err != nil {
		return nil, err
	}
	existed := entry != nil
	if wanted.ciphertext != nil {
		entry, err = b.importWrapped(ctx, req, target{name, entry}, wanted)
	} else {
		err = b.importUnopened(ctx, req, target{name, entry}, wanted)
	}
	if existed && mayHaveImported(err) {
		touched.add(name, entry.storedCMK)
	}
	if err != nil {
		return nil, err
	}
	known := b.learnPublicKey(ctx, req, target{name, entry})
	b.Logger().Info("key material was imported",
		"key", name, "key_id", entry.KeyID, "region", entry.Region, "expires", wanted.expireTime())
	resp := &logical.Response{Data: map[string]any{
		"name": name, "key_id": entry.KeyID, "region": entry.Region, "material_expire_time": wanted.expireTime(),
	}}
	if wanted.warning != "" {
		resp.AddWarning(wanted.warning)
	}
	if !known {
		entry.warnOfUnknownVersion(resp)
	}
	if existed {
		wanted.warnOfDerived(resp, entry)
	}
	if existed && wanted.describesCMK() {
		resp.AddWarning(fmt.Sprintf("key %q already existed; its description, protection_level and instance_id were not changed", name))
	}
	return resp, nil
}

// importWrapped unwraps the material and wraps it for KMS. k has no entry if the key must be made; every mistake in the
// request is found before that.
func (b *backend) importWrapped(
	ctx context.Context, req *logical.Request, k target, wanted *keyImport,
) (*keyEntry, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	spec, err := wanted.specFor(k)
	if err != nil {
		return nil, err
	}
	material, err := b.unwrapMaterial(ctx, req, spec, wanted)
	if err != nil {
		return nil, err
	}
	defer clear(material)
	if k.entry != nil {
		return k.entry, importMaterial(ctx, conn, k.entry, material, wanted)
	}
	made, _, err := b.makeKey(ctx, req, k, wanted.newKey)
	if err != nil {
		return nil, err
	}
	return made, withProgress(importMaterial(ctx, conn, made, material, wanted), fmt.Sprintf(
		"Key %q now exists, with the KMS key %s of origin EXTERNAL; send the same request again to finish the import.", k.name, made.KeyID))
}

// mayHaveImported reports whether KMS may have imported material into the CMK of an import that ended with err.
func mayHaveImported(err error) bool {
	failed, ok := errors.AsType[*callError](err)
	return err == nil || ok && failed.op == kmsapi.OpImportKeyMaterial && !surelyNotDone(err)
}

// importMaterial wraps material for KMS and imports it.
func importMaterial(ctx context.Context, c *connection, e *keyEntry, material []byte, wanted *keyImport) error {
	algorithm := defaultWrapping(e.keySpec())
	parameters, der, err := importParameters(ctx, c, e, algorithm)
	if err != nil {
		return err
	}
	key, err := client.ParseImportKey(der)
	if err != nil {
		return err
	}
	wrapped, err := client.WrapKeyMaterial(algorithm, key, material)
	if err != nil {
		return &callError{op: kmsapi.OpImportKeyMaterial, err: err, unsent: true}
	}
	return wanted.send(ctx, c, e, wrapped, parameters.ImportToken)
}

// importUnopened passes on material that was wrapped for KMS.
func (b *backend) importUnopened(ctx context.Context, req *logical.Request, k target, wanted *keyImport) error {
	if k.entry == nil {
		// A key made without an origin accepts no material, so the advice differs from that of other paths.
		return refusal.NotFound("there is no key %q; to make one that takes your material, run: vault write %skeys/%s origin=EXTERNAL",
			k.name, mount(req), k.name)
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return err
	}
	return wanted.send(ctx, conn, k.entry, wanted.encrypted, wanted.token)
}

// learnPublicKey stores the public key of a key pair whose private key was just imported, and reports whether it is
// known.
func (b *backend) learnPublicKey(ctx context.Context, req *logical.Request, k target) bool {
	if !k.entry.lacksPublicKey() {
		return true
	}
	if _, err := b.listForKey(ctx, req, k); err != nil {
		b.Logger().Warn("the public key of an imported key is not known yet", "key", k.name, "error", err)
		return false
	}
	if err := b.storeKey(ctx, req.Storage, k.name, k.entry); err != nil {
		b.Logger().Warn("the public key of an imported key was not stored yet", "key", k.name, "error", err)
		return false
	}
	return !k.entry.lacksPublicKey()
}

// A keyImport is a request to import key material, checked as far as possible without a key.
type keyImport struct {
	// ciphertext is in transit's format; newHash goes with it.
	ciphertext []byte
	newHash    keywrap.Hash
	// encrypted can be opened only by KMS; token goes with it.
	encrypted, token string
	// expires is zero if the material never expires.
	expires time.Time
	// newKey is the key to make if it does not exist.
	newKey
}

func (i *keyImport) send(ctx context.Context, c *connection, e *keyEntry, encrypted, token string) error {
	request := &kmsapi.ImportKeyMaterialRequest{KeyId: e.cmk(), EncryptedKeyMaterial: encrypted, ImportToken: token}
	if !i.expires.IsZero() {
		request.KeyMaterialExpireUnix = int(i.expires.Unix())
	}
	_, err := call(ctx, c, request)
	return err
}

// expireTime returns the time in KMS's format, and an empty string if there is none.
func (i *keyImport) expireTime() string {
	if i.expires.IsZero() {
		return ""
	}
	return i.expires.UTC().Format(kmsapi.TimeFormat)
}

func (i *keyImport) describesCMK() bool {
	return i.cmk.Description != "" || i.cmk.ProtectionLevel != "" || i.cmk.DKMSInstanceId != ""
}

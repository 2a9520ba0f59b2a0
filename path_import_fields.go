package alicloudkms

import (
	"cmp"
	"encoding/asn1"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// maxImportField bounds each field of import, in bytes. The longest valid value is KMS's token, of a few thousand
	// bytes.
	maxImportField = 32 << 10
	// lastExpireYear is the last year that KMS's time format can express.
	lastExpireYear = 9999
)

// newImport checks the fields of import.
func newImport(d *framework.FieldData) (*keyImport, error) {
	for _, name := range []string{"ciphertext", "encrypted_key_material", "import_token"} {
		if len(d.Get(name).(string)) > maxImportField {
			return nil, refusal.BadRequest("the field %q is too long: it may have %d characters", name, maxImportField)
		}
	}
	wanted := &keyImport{}
	if err := wanted.setWay(d); err != nil {
		return nil, err
	}
	if err := wanted.setExpiry(d, time.Now()); err != nil {
		return nil, err
	}
	kind, err := chooseKeySpec(d)
	if err != nil {
		return nil, err
	}
	// The fields mean the same as for a new key, but the caller can't choose the origin.
	wanted.derived, wanted.encryption = derivedOf(d), d.Get("encryption").(string)
	wanted.cmk, err = createKeyRequest(&framework.FieldData{Schema: keyFields, Raw: map[string]any{
		"origin":           string(kmsapi.OriginExternal),
		"description":      d.Get("description"),
		"protection_level": d.Get("protection_level"),
		"instance_id":      d.Get("instance_id"),
	}})
	if err != nil {
		return nil, err
	}
	wanted.choose(kind)
	return wanted, cmp.Or(checkEncryption(wanted.encryption), wanted.checkBinding())
}

// setWay takes the fields of one way to import, and refuses the fields of the other.
func (i *keyImport) setWay(d *framework.FieldData) error {
	ciphertext := d.Get("ciphertext").(string)
	encrypted, token := d.Get("encrypted_key_material").(string), d.Get("import_token").(string)
	_, hashGiven := d.GetOk("hash_function")
	switch {
	case ciphertext != "" && encrypted == "" && token == "":
		return i.setCiphertext(ciphertext, d.Get("hash_function").(string))
	case ciphertext == "" && encrypted != "" && token != "" && !hashGiven:
		return i.setEncrypted(encrypted, token)
	default:
		for _, name := range []string{"ciphertext", "encrypted_key_material", "import_token"} {
			if value, given := d.GetOk(name); given && value == "" {
				return refusal.BadRequest("the field %q is empty", name) // It may have had only line breaks.
			}
		}
		return refusal.BadRequest("give either ciphertext (and its hash_function), as vault transit import does, or encrypted_key_material and import_token")
	}
}

func (i *keyImport) setCiphertext(ciphertext, hashName string) (err error) {
	if i.newHash = keywrap.HashNamed(cmp.Or(hashName, keywrap.DefaultHash)); i.newHash == nil {
		return refusal.BadRequest("hash_function must be one of %s", strings.Join(keywrap.HashNames(), ", "))
	}
	i.ciphertext, err = fields.Base64("ciphertext", ciphertext)
	return err
}

// setEncrypted takes material wrapped for KMS. It refuses material that is certainly not wrapped, which must not be
// sent.
func (i *keyImport) setEncrypted(encrypted, token string) error {
	i.encrypted, i.token = encrypted, token
	wrapped, err := fields.Base64("encrypted_key_material", encrypted)
	switch hint := fields.FileHint("import_token", token); {
	case err != nil:
		return err
	case kmsapi.IsMaterialSize(len(wrapped)):
		clear(wrapped)
		return refusal.BadRequest("the field %q has %d bytes, which is the size of the key material itself; encrypt it with the public_key of import_parameters: alicloudkms wrap -in FILE -public-key FILE",
			"encrypted_key_material", len(wrapped))
	case isSequence(wrapped):
		clear(wrapped)
		return refusal.BadRequest("the field %q is DER, as a private key is, and not encrypted; encrypt it with the public_key of import_parameters: alicloudkms wrap -in FILE -public-key FILE",
			"encrypted_key_material")
	case hint != "":
		return refusal.BadRequest("the field %q must be what import_parameters answered%s", "import_token", hint)
	}
	return nil
}

// isSequence reports whether b is one DER sequence. An RSA ciphertext is one by chance in one of 2³² cases.
func isSequence(b []byte) bool {
	var found asn1.RawValue
	rest, err := asn1.Unmarshal(b, &found)
	return err == nil && len(rest) == 0 && found.Tag == asn1.TagSequence && found.IsCompound
}

// setExpiry takes the time when the material expires, in whole seconds.
func (i *keyImport) setExpiry(d *framework.FieldData, now time.Time) error {
	given, ok := d.GetOk("expire_time")
	if !ok {
		return nil
	}
	i.expires = given.(time.Time).Truncate(time.Second)
	if !i.expires.After(now) || i.expires.Year() > lastExpireYear {
		return refusal.BadRequest("expire_time must be in the future, and before the year %d", lastExpireYear+1)
	}
	return nil
}

package alicloudkms

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A transitField is a field of Vault's transit engine that KMS has no counterpart for. It is accepted, so that transit's
// clients keep working, if leaving it out weakens nothing; a value that asks for a protection which nobody would then give
// is refused.
type transitField struct {
	schema *framework.FieldSchema
	// refusal says why a value can't be accepted. If it is empty, every value is ignored; otherwise only a zero value and
	// those in harmless.
	refusal  string
	harmless []any
}

// accepts reports whether value may be ignored.
func (f transitField) accepts(value any) bool {
	return f.refusal == "" || slices.Contains(f.harmless, value) || reflect.ValueOf(value).IsZero()
}

const (
	noDerivation = "KMS does not derive keys; bind a ciphertext to its purpose with encryption_context or associated_data instead"
	noVersions   = "KMS chooses the version of a CMK itself, so older versions can't be shut out here"
)

// transitFields are read only.
var transitFields = map[string]transitField{
	"allow_plaintext_backup": ignoredField(framework.TypeBool),
	"allow_rotation":         ignoredField(framework.TypeBool),
	"exportable":             ignoredField(framework.TypeBool),
	"key_size":               ignoredField(framework.TypeInt),
	"key_version":            ignoredField(framework.TypeInt),
	"nonce":                  ignoredField(framework.TypeString),
	"padding_scheme":         ignoredField(framework.TypeString),

	"auto_rotate_period":     refusedField(framework.TypeDurationSecond, "the engine does not rotate CMKs, so the key would stay as it is"),
	"context":                refusedField(framework.TypeString, noDerivation),
	"convergent_encryption":  refusedField(framework.TypeBool, "KMS never encrypts the same text to the same ciphertext"),
	"derived":                refusedField(framework.TypeBool, noDerivation),
	"min_decryption_version": refusedField(framework.TypeInt, noVersions, 1),
	"min_encryption_version": refusedField(framework.TypeInt, noVersions, 1),
	"min_encryption_versoin": refusedField(framework.TypeInt, noVersions, 1), // Terraform's provider spells it so.
	"public_key":             refusedField(framework.TypeString, "a CMK is a symmetric key, which has no public half"),
	"version":                refusedField(framework.TypeInt, "a CMK takes the same key material only, ever", 1),
	"type": refusedField(framework.TypeString, "a CMK is a 256-bit symmetric key that encrypts and decrypts; leave type out",
		"aes256-gcm96", "aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"),
}

func ignoredField(t framework.FieldType) transitField {
	return transitField{schema: &framework.FieldSchema{
		Type:        t,
		Description: "Of the transit engine. It means nothing here, and is ignored with a warning.",
	}}
}

func refusedField(t framework.FieldType, refusal string, harmless ...any) transitField {
	return transitField{
		schema: &framework.FieldSchema{
			Type:        t,
			Description: fmt.Sprintf("Of the transit engine. Refused, unless its value asks for nothing: %s.", refusal),
		},
		refusal:  refusal,
		harmless: harmless,
	}
}

// withTransit adds transit's fields called names to the fields of a path.
func withTransit(fields map[string]*framework.FieldSchema, names ...string) map[string]*framework.FieldSchema {
	all := maps.Clone(fields)
	for _, name := range names {
		all[name] = transitFields[name].schema
	}
	return all
}

// transitMetadata is what transit's clients read of a key, and fail without. KMS tells no versions of a CMK, so there is one, the
// keyVersion of every ciphertext.
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

// warnIgnored tells the caller which of its fields were ignored.
func warnIgnored(resp *logical.Response, ignored []string) *logical.Response {
	if len(ignored) == 0 {
		return resp
	}
	if resp == nil {
		resp = &logical.Response{}
	}
	resp.AddWarning("Ignored, because it means nothing to a CMK of Alibaba Cloud KMS: " + strings.Join(ignored, ", "))
	return resp
}

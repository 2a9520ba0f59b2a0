package fields

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
)

// A transitField is a field of Vault's transit engine that KMS has no counterpart for. It is accepted, so that
// transit's clients keep working, if ignoring it weakens nothing; a value that asks for a protection that it would not
// get is refused.
type transitField struct {
	schema *framework.FieldSchema
	// refusal says why a value can't be accepted. If it is empty, every value is ignored; otherwise, only a zero value and
	// those in harmless are.
	refusal  string
	harmless []any
}

// accepts reports whether value may be ignored.
func (f transitField) accepts(value any) bool {
	return f.refusal == "" || slices.Contains(f.harmless, value) || reflect.ValueOf(value).IsZero()
}

// Why a value can't be accepted, as the end of a sentence.
const (
	noConvergence = "KMS never encrypts the same plaintext to the same ciphertext"
	noDerivation  = "key material is imported as it is; give context with each use of the key instead"
	noEd25519     = "KMS has no Ed25519 keys, and binds nothing to a signature"
	noCMAC        = "KMS makes no CMACs; give signature or hmac"
	derivedAsKey  = "a version is derived if its key is"
	noPublicHalf  = "a KMS key is a symmetric key, which has no public half"
	misspelled    = "transit spells it marshaling_algorithm"
	noRotation    = "KMS does not rotate key material that was imported"
	onlySymmetric = "a KMS key is a 256-bit symmetric key that encrypts and decrypts; leave out type"
	sameMaterial  = "a KMS key accepts only one key material, for good"
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

	"auto_rotate_period":    refusedField(framework.TypeDurationSecond, noRotation),
	"context":               refusedField(framework.TypeString, noDerivation),
	"convergent_encryption": refusedField(framework.TypeBool, noConvergence),
	"derived":               refusedField(framework.TypeBool, derivedAsKey),
	"cmac":                  refusedField(framework.TypeString, noCMAC),
	"marshalling_algorithm": refusedField(framework.TypeString, misspelled, "asn1"), // SPIRE did before July 2026.
	"signature_context":     refusedField(framework.TypeString, noEd25519),
	"public_key":            refusedField(framework.TypeString, noPublicHalf),
	"version":               refusedField(framework.TypeInt, sameMaterial, 1),
	"type": refusedField(framework.TypeString, onlySymmetric,
		"aes256-gcm96", "aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"),
}

func ignoredField(t framework.FieldType) transitField {
	return transitField{schema: &framework.FieldSchema{
		Type:         t,
		DisplayAttrs: &framework.DisplayAttributes{EditType: AsGiven},
		Description:  "A field of transit that has no effect here. It is ignored, with a warning.",
	}}
}

func refusedField(t framework.FieldType, refusal string, harmless ...any) transitField {
	return transitField{
		schema: &framework.FieldSchema{
			Type:         t,
			DisplayAttrs: &framework.DisplayAttributes{EditType: AsGiven},
			Description:  fmt.Sprintf("A field of transit. Refused, unless its value has no effect: %s.", refusal),
		},
		refusal:  refusal,
		harmless: harmless,
	}
}

// WithTransit adds transit's fields called names to schemas. What a caller gives for them means nothing here: [Check]
// reports it as ignored, or refuses it if it asks for a protection that KMS does not give.
func WithTransit(schemas Schemas, names ...string) Schemas {
	all := maps.Clone(schemas)
	for _, name := range names {
		all[name] = transitFields[name].schema
	}
	return all
}

// IsTransit reports whether schema, under this name, is one that [WithTransit] adds. On another path a field of the
// same name may mean something.
func IsTransit(name string, schema *framework.FieldSchema) bool {
	field, ok := transitFields[name]
	return ok && field.schema == schema
}

package alicloudkms

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// boundBytes are the fields whose bytes are bound to a ciphertext, with the names of their entries in the encryption
// context.
var boundBytes = []struct{ field, entry string }{
	{"associated_data", reserved.AssociatedData},
	{"context", reserved.Context},
}

// contextFields are the fields of an item that bind a ciphertext to its purpose.
func contextFields(more fields.Schemas) fields.Schemas {
	schemas := fields.Schemas{
		"reference": referenceField(),
		"encryption_context": {
			Type:        framework.TypeKVPairs,
			Description: "Names and values that KMS binds to the ciphertext without storing them. Decrypt must give the same.",
		},
		"associated_data": {
			Type:         framework.TypeString,
			DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
			Description:  `Data in base64 that is bound to the ciphertext. Decrypt must give the same. It is sent as the entry "vault:associated_data" of KMS's EncryptionContext.`,
		},
		"context": {
			Type:         framework.TypeString,
			DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
			Description:  `The same as associated_data, in the entry "vault:context". A key that was made with derived=true requires it.`,
		},
	}
	maps.Copy(schemas, more)
	return schemas
}

// encryptionContext merges what the caller gives with the key's bound context, which the caller can't change.
func (e *keyEntry) encryptionContext(d *framework.FieldData) (kmsapi.EncryptionContext, error) {
	encCtx, err := e.givenContext(d)
	if err != nil {
		return nil, err
	}
	if encCtx == nil {
		encCtx = make(kmsapi.EncryptionContext, len(e.BoundContext))
	}
	maps.Copy(encCtx, e.BoundContext)
	return encCtx, checkTogether(encCtx)
}

// messageContext is what the caller gives. The bound context is not part of it, but counts towards its size, so that a
// context too long for one mode of a key is too long for the other.
func (e *keyEntry) messageContext(d *framework.FieldData) (kmsapi.EncryptionContext, error) {
	encCtx, err := e.givenContext(d)
	if err != nil || len(encCtx) == 0 {
		return nil, err
	}
	together := maps.Clone(encCtx)
	maps.Copy(together, e.BoundContext)
	return encCtx, checkTogether(together)
}

func checkTogether(encCtx kmsapi.EncryptionContext) error {
	if !tooLong(encCtx) {
		return nil
	}
	return refusal.BadRequest(
		"encryption_context, context, associated_data and the key's bound_context are too long: together they may have %d characters of JSON",
		kmsapi.MaxEncryptionContext)
}

// givenContext returns what the caller gives, less entries that repeat the bound context. It is nil if nothing is left.
func (e *keyEntry) givenContext(d *framework.FieldData) (kmsapi.EncryptionContext, error) {
	given := fields.StringMap(d, "encryption_context")
	if err := checkContext("encryption_context", given, e.BoundContext); err != nil {
		return nil, err
	}
	var own kmsapi.EncryptionContext
	for name, value := range given {
		bound, isBound := e.BoundContext[name]
		if isBound && value != bound {
			return nil, refusal.BadRequest("encryption_context must not override %q: it is bound to the key",
				fields.Shorten(name))
		}
		if !isBound {
			own = withEntry(own, name, value)
		}
	}
	return e.bindBytes(own, d)
}

// withEntry returns encCtx, which may be nil, with one more entry.
func withEntry(encCtx kmsapi.EncryptionContext, name, value string) kmsapi.EncryptionContext {
	if encCtx == nil {
		encCtx = kmsapi.EncryptionContext{}
	}
	encCtx[name] = value
	return encCtx
}

// bindBytes adds the engine's own entries. No other entry may have their names, except in a bound_context from before
// the names were reserved; a caller can't override that either.
func (e *keyEntry) bindBytes(own kmsapi.EncryptionContext, d *framework.FieldData) (kmsapi.EncryptionContext, error) {
	for _, bound := range boundBytes {
		data, err := fields.Base64(bound.field, fields.String(d, bound.field))
		switch _, taken := e.BoundContext[bound.entry]; {
		case err != nil:
			return nil, err
		case len(data) > 0 && taken:
			return nil, refusal.BadRequest("%s can't be used with this key: its bound_context has an entry %q, from before the engine used that name",
				bound.field, bound.entry)
		case len(data) > 0:
			own = withEntry(own, bound.entry, base64.StdEncoding.EncodeToString(data))
		}
	}
	if e.Derived && own[reserved.Context] == "" && e.BoundContext[reserved.Context] == "" {
		return nil, refusal.BadRequest("context is required: the key was made with derived=true, so each use of it must give a context, in base64")
	}
	return own, nil
}

// reservedNames returns the sorted names of the reserved entries of a context.
func reservedNames(encCtx map[string]string) (names []string) {
	for name, value := range encCtx {
		if reserved.Is(name, value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// warnOfReserved warns of entries that a key already had when their names were reserved.
func (e *keyEntry) warnOfReserved(resp *logical.Response) {
	if names := reservedNames(e.BoundContext); len(names) > 0 {
		resp.AddWarning(fmt.Sprintf("The bound_context has entries that are now reserved, because they begin with %q or contain %q: %s. "+
			"They keep working as they are, but a later version of the engine may use the same names: "+
			"encrypt with a key that binds others, when you can", reserved.Prefix, reserved.Within, strings.Join(names, ", ")))
	}
}

// checkContext refuses what KMS would refuse, and entries with reserved names unless they are in kept: those that a key
// has had since before the names were reserved. field is where encCtx comes from.
func checkContext(field string, encCtx kmsapi.EncryptionContext, kept map[string]string) error {
	for name, value := range encCtx {
		if name == "" || strings.ContainsRune(name, utf8.RuneError) || strings.ContainsRune(value, utf8.RuneError) {
			return refusal.BadRequest("%s has an empty name, or a string that is not valid UTF-8", field)
		}
		if !reserved.Is(name, value) {
			continue
		}
		if old, ok := kept[name]; !ok || old != value {
			return refusedEntry(field, name)
		}
	}
	if tooLong(encCtx) {
		return refusal.BadRequest("%s is too long: it may have %d characters of JSON", field, kmsapi.MaxEncryptionContext)
	}
	return nil
}

func refusedEntry(field, name string) error {
	for _, bound := range boundBytes {
		if name == bound.entry {
			return refusal.BadRequest("%s must not have an entry %q; give %s instead", field, name, bound.field)
		}
	}
	return refusal.BadRequest("%s must not have a name that begins with %q, nor %q in a name or value: these are the engine's own",
		field, reserved.Prefix, reserved.Within)
}

func tooLong(encCtx kmsapi.EncryptionContext) bool {
	return utf8.RuneCountInString(encCtx.JSON()) > kmsapi.MaxEncryptionContext
}

// Package reserved knows the names of this module's own entries in KMS's encryption contexts. Nobody else may set them:
// not a caller, and not the configuration of a key.
package reserved

import "strings"

// Prefix begins the names of all entries of the engine and of what shares its ciphertexts, those of later versions too.
const Prefix = "vault:"

// Within spells such an entry where contexts are joined as name=value&name=value without escapes, as Alibaba Cloud's
// own programs do.
const Within = "&" + Prefix

// Entries that carry bytes, in base64. A program that calls KMS itself must give the same entries to open such a
// ciphertext.
const (
	AssociatedData = Prefix + "associated_data"
	Context        = Prefix + "context"
)

// Is reports whether an entry has, or spells, a name that begins with [Prefix].
func Is(name, value string) bool { return spells(Prefix, Within, name, value) }

// Spells reports whether an entry has, or spells, a name that begins with prefix.
func Spells(prefix, name, value string) bool { return spells(prefix, "&"+prefix, name, value) }

func spells(prefix, within, name, value string) bool {
	return strings.HasPrefix(name, prefix) || strings.Contains(name, within) || strings.Contains(value, within)
}

// Package reserved knows the names of this module's own entries in KMS's encryption contexts. Neither a caller nor the
// configuration of a key may set them.
package reserved

import "strings"

// Prefix begins the names of all entries of the engine and of programs that share its ciphertexts, in later versions
// too.
const Prefix = "vault:"

// Within begins such an entry inside another one where contexts are joined as name=value&name=value without escapes, as
// Alibaba Cloud's own programs do.
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

package crypt

import (
	"crypto/rand"
	"strings"

	"github.com/google/uuid"
)

// Ids have one of two forms. Outside of KMS instances, the ids of keys and their versions are UUIDs. In an instance,
// the id of a key is "key-", three letters and 18 more characters, and the id of a version is the id of its key, a
// hyphen and 10 more. So the id of a version has 36 characters in either form, and the layout of blobs is the same.
const (
	randomOfKey     = 18
	randomOfVersion = 10

	// In forms, H is a hexadecimal digit, L a letter, and N a letter or a digit, all in lower case, so that an id has
	// one spelling. Every other character stands for itself.
	uuidForm            = "HHHHHHHH-HHHH-HHHH-HHHH-HHHHHHHHHHHH"
	instanceKeyForm     = "key-LLLNNNNNNNNNNNNNNNNNN"
	instanceVersionForm = instanceKeyForm + "-NNNNNNNNNN"
)

// NewKeyID returns an id for a new key. letters are the three letters of the key's KMS instance; "" means that it is in
// none.
func NewKeyID(letters string) string {
	if letters == "" {
		return uuid.NewString()
	}
	return "key-" + letters + randomText(randomOfKey)
}

// NewVersionID returns an id for a new version of the key called keyID, in the matching form.
func NewVersionID(keyID string) string {
	if IsUUID(keyID) {
		return uuid.NewString()
	}
	return keyID + "-" + randomText(randomOfVersion)
}

// randomText returns n random letters and digits, 5 bits of randomness each; n is at most 26.
func randomText(n int) string { return strings.ToLower(rand.Text()[:n]) }

// IsKeyID reports whether id has the form of a key's id.
func IsKeyID(id string) bool { return IsUUID(id) || hasForm(id, instanceKeyForm) }

// IsVersionID reports whether id has the form of a key version's id.
func IsVersionID(id string) bool { return IsUUID(id) || hasForm(id, instanceVersionForm) }

// IsUUID reports whether id is a UUID as this service writes it.
func IsUUID(id string) bool { return hasForm(id, uuidForm) }

// hasForm reports whether id has a form. It is not a regular expression because every request calls it.
func hasForm(id, form string) bool {
	if len(id) != len(form) {
		return false
	}
	for i := range len(form) {
		if !fits(id[i], form[i]) {
			return false
		}
	}
	return true
}

// fits reports whether c matches the character f of a form.
func fits(c, f byte) bool {
	isDigit, isLetter := '0' <= c && c <= '9', 'a' <= c && c <= 'z'
	switch f {
	case 'H':
		return isDigit || 'a' <= c && c <= 'f'
	case 'L':
		return isLetter
	case 'N':
		return isDigit || isLetter
	default:
		return c == f
	}
}

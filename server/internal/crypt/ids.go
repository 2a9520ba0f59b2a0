package crypt

import (
	"crypto/rand"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// Ids have one of two forms. Outside of KMS instances, keys and their versions have UUIDs. In an instance, the id of a
// key is "key-", three letters and 18 more characters, and the id of its version is the key's with a hyphen and 10 more.
// So the id of a version has 36 characters in either form, and the layout of blobs is the same.
const (
	randomOfKey     = 18
	randomOfVersion = 10
)

var (
	instanceKeyForm     = regexp.MustCompile(`^key-[a-z]{3}[a-z0-9]{18}$`)
	instanceVersionForm = regexp.MustCompile(`^key-[a-z]{3}[a-z0-9]{18}-[a-z0-9]{10}$`)
)

// NewKeyID returns an id for a new key. letters are the three of the key's KMS instance; "" means that it is in none.
func NewKeyID(letters string) string {
	if letters == "" {
		return uuid.NewString()
	}
	return "key-" + letters + randomText(randomOfKey)
}

// NewVersionID returns an id for a new version of the key called keyID, in the form of that id.
func NewVersionID(keyID string) string {
	if IsUUID(keyID) {
		return uuid.NewString()
	}
	return keyID + "-" + randomText(randomOfVersion)
}

// randomText returns n random letters and digits, with 5 bits each; n is at most 26.
func randomText(n int) string { return strings.ToLower(rand.Text()[:n]) }

// IsKeyID reports whether id has the form of a key's id.
func IsKeyID(id string) bool { return IsUUID(id) || instanceKeyForm.MatchString(id) }

// IsVersionID reports whether id has the form of the id of a key's version.
func IsVersionID(id string) bool { return IsUUID(id) || instanceVersionForm.MatchString(id) }

// IsUUID reports whether id is a UUID as this service writes the ids of keys and their versions: with hyphens and in
// lower case, so that an id has one spelling.
func IsUUID(id string) bool {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(id) != len(form) {
		return false
	}
	for i := range len(form) {
		c := id[i]
		isHex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
		if isHex != (form[i] == 'x') || !isHex && c != '-' {
			return false
		}
	}
	return true
}

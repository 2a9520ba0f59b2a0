package fields

import (
	"fmt"
	"maps"
	"regexp"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Name is a kind of name that is part of a path.
type Name struct {
	// Field is the field that the framework puts the name in.
	Field string
	// Pattern is the name's part of a path's pattern.
	Pattern string
	// valid matches a name and nothing else.
	valid *regexp.Regexp
	// end is the string that ends the name in a path. If it is empty, the name extends to the end of the path.
	end string
	// form describes the form of such a name.
	form string
}

// The kinds of names in paths.
var (
	// KeyName is the engine's name of a key, in the field "name".
	// It is framework.GenericNameRegex without "..", which Vault's storage does not accept in a path.
	KeyName = newName("name", `(?P<name>\w(?:(?:[\w-]|\.[\w-])*\.?\w)?)`, "/",
		"a key name: a name has letters, digits, '_', '-' and '.', neither begins nor ends with '-' or '.', and has no '..'")
	// Alias is an alias of KMS without "alias/", in the field "alias". It may have slashes.
	Alias = newName("alias", fmt.Sprintf(`(?P<alias>[\w/-]{1,%d})`, kmsapi.MaxAlias), "",
		fmt.Sprintf("an alias of KMS: an alias has letters, digits, '_', '-' and '/', 1 to %d of them", kmsapi.MaxAlias))
	// Hash is a hash function, in the field "urlalgorithm" as in transit. It may begin with a slash, because some clients
	// write an empty part before it.
	Hash = newName("urlalgorithm", `(?P<urlalgorithm>/?[\w-]+)`, "/",
		"a hash function: its name has letters, digits, '_' and '-'")
	// Version is the version of a public key, in the field "public_key_version".
	Version = newName("public_key_version", `(?P<public_key_version>[\w-]+)`, "/", "a version: a number, or latest")
	// RandomSource is a source of random bytes or, in a path with one part, their number, in the field "source".
	RandomSource = newName("source", `(?P<source>[\w-]+)`, "/", "a source of random bytes, or their number")
	// RandomBytes is a number of random bytes, in the field "urlbytes" as in transit.
	RandomBytes = newName("urlbytes", `(?P<urlbytes>[\w-]+)`, "/", "a number of random bytes")
)

func newName(field, pattern, end, form string) Name {
	return Name{Field: field, Pattern: pattern, valid: regexp.MustCompile("^" + pattern + "$"), end: end, form: form}
}

// Names returns every kind of name in paths.
func Names() []Name { return []Name{KeyName, Alias, Hash, Version, RandomSource, RandomBytes} }

// Valid reports whether s has the form of such a name.
func (n Name) Valid(s string) bool { return n.valid.MatchString(s) }

// BesidesPath returns the fields of a write without those that only repeat the path, as some of transit's clients send
// them. A name that differs from the path's stays, to be refused. given stays as it is.
func BesidesPath(p *framework.Path, path string, op logical.Operation, given map[string]any) map[string]any {
	for _, kind := range Names() {
		if said, ok := given[kind.Field].(string); ok && IsWrite(op) && said != "" && said == kind.in(p, path) {
			given = maps.Clone(given)
			delete(given, kind.Field)
		}
	}
	return given
}

// in returns the name that is part of path, which p matches, and "" if p has no name of this kind.
func (n Name) in(p *framework.Path, path string) string {
	pattern := regexp.MustCompile(p.Pattern)
	match, group := pattern.FindStringSubmatch(path), pattern.SubexpIndex(n.Field)
	if match == nil || group < 0 {
		return ""
	}
	return match[group]
}

func isInPath(field string) bool {
	switch field {
	case KeyName.Field, Alias.Field, Hash.Field, Version.Field, RandomSource.Field, RandomBytes.Field:
		return true
	default:
		return false
	}
}

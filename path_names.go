package alicloudkms

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxShownName bounds a name of a caller that an error shows.
const maxShownName = 64

// A pathName is a kind of name that stands in paths.
type pathName struct {
	// pattern is its part of a path's pattern.
	pattern string
	// valid matches a name and nothing else.
	valid *regexp.Regexp
	// end is what ends the name in a path; an empty one stands for the end of the path.
	end string
	// form says what such a name is.
	form string
}

func newPathName(pattern, end, form string) pathName {
	return pathName{pattern: pattern, valid: regexp.MustCompile("^" + pattern + "$"), end: end, form: form}
}

// pathNames holds the names that stand in paths, under the fields that get them.
var pathNames = map[string]pathName{
	"name": newPathName(framework.GenericNameRegex("name"), "/",
		"a key name: a name has letters, digits, '_', '-' and '.', and neither begins nor ends with '-' or '.'"),
	"alias": newPathName(fmt.Sprintf(`(?P<alias>[\w/-]{1,%d})`, kmsapi.MaxAlias), "",
		fmt.Sprintf("an alias of KMS: an alias has letters, digits, '_', '-' and '/', 1 to %d of them", kmsapi.MaxAlias)),
}

// unknownPath says what is wrong with the name in a path, if that is why no path matches.
func (b *backend) unknownPath(path string) error {
	for _, p := range b.Paths {
		pattern := strings.Trim(p.Pattern, "^$") // The framework adds these.
		for _, kind := range pathNames {
			prefix, ends := strings.CutSuffix(pattern, kind.pattern)
			name, within := strings.CutPrefix(path, prefix)
			if kind.end != "" {
				name, _, _ = strings.Cut(name, kind.end)
			}
			if ends && within && !kind.valid.MatchString(name) {
				return badRequest("%q is not %s", shorten(name), kind.form)
			}
		}
	}
	return logical.ErrUnsupportedPath
}

func shorten(name string) string {
	if len(name) > maxShownName {
		return strings.ToValidUTF8(name[:maxShownName], "") + "..."
	}
	return name
}

package kmsapi

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The patterns are from the API reference.
func TestNamesHaveTheCharactersOfTheirPatternAndNoOthers(t *testing.T) {
	for name, tc := range map[string]struct {
		pattern string
		matches func(string) bool
	}{
		"secrets, versions and stages": {`^[A-Za-z0-9_/+=.@-]+$`, IsSecretName},
		"aliases":                      {`^alias/[A-Za-z0-9_/-]+$`, isAlias},
		"tags":                         {`^[A-Za-z0-9/\\_\-.+=@:]*$`, tagText.contain},
	} {
		t.Run(name, func(t *testing.T) {
			pattern := regexp.MustCompile(tc.pattern)
			check := func(text string) {
				require.Equal(t, pattern.MatchString(text), tc.matches(text), "%q", text)
			}
			for _, text := range []string{"", "alias", "alias/", "Alias/a", "a/alias/b", "é", "a\u212a", "\xff", "a\nb", "a\n"} {
				check(text)
			}
			for b := range 256 {
				for _, text := range []string{string(rune(b)), string([]byte{byte(b)})} {
					check(text)
					check("alias/" + text)
					check("alias/a" + text + "z")
				}
			}
		})
	}
}

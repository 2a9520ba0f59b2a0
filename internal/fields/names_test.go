package fields

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestUnknownPathBlamesTheNameInIt(t *testing.T) {
	paths := []*framework.Path{
		{Pattern: "^keys/?$"},
		{Pattern: "^keys/" + KeyName.Pattern + "$"},
		{Pattern: "^keys/" + KeyName.Pattern + "/config$"},
		{Pattern: "^aliases/" + Alias.Pattern + "$"},
	}
	for path, says := range map[string]string{
		"keys/a b":                            `"a b" is not a key name`,
		"keys/-a":                             `"-a" is not a key name`,
		"keys/a..b":                           `"a..b" is not a key name`,
		"keys/a..b/config":                    `has no '..'`,
		"aliases/a.b":                         `"a.b" is not an alias`,
		"aliases/" + strings.Repeat("a", 300): `..." is not an alias`,
	} {
		require.ErrorContains(t, UnknownPath(paths, path), says)
	}
	for _, path := range []string{"", "nothing/a", "keys/a/nothing", "config"} {
		require.Equal(t, logical.ErrUnsupportedPath, UnknownPath(paths, path))
	}
}

func TestNamesAreTheFieldsOfTheirPatterns(t *testing.T) {
	for _, kind := range Names() {
		require.Contains(t, kind.Pattern, "(?P<"+kind.Field+">")
		require.True(t, kind.Valid("a-b_1"))
		require.False(t, kind.Valid("a b"))
		require.False(t, kind.Valid(""))
	}
	for name, valid := range map[string]bool{
		"a": true, "_": true, "a.b": true, "a.b.c-d": true, "a-.b": true, "a.-b": true, "a--b": true, "a.-.b": true,
		"a..b": false, "a...b": false, "..": false, "a.": false, ".a": false, "a-": false, "a-..b": false, "a.b..c": false,
	} {
		require.Equal(t, valid, KeyName.Valid(name), name)
	}
	require.True(t, Alias.Valid("team/a"))
	require.False(t, KeyName.Valid("team/a"))
}

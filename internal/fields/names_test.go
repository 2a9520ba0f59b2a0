package fields

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesAreTheFieldsOfTheirPatterns(t *testing.T) {
	for _, kind := range Names() {
		require.Contains(t, kind.Pattern, "(?P<"+kind.Field+">")
		require.True(t, kind.Valid("a-b_1"))
		require.False(t, kind.Valid("a b"))
		require.False(t, kind.Valid(""))
		require.True(t, isInPath(kind.Field))
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

package fields

import (
	"maps"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
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

func TestFieldsThatRepeatThePathAreLeftOut(t *testing.T) {
	type object = map[string]any
	paths := somePaths()
	encrypt, config, key, keyConfig, alias := paths[0], paths[1], paths[3], paths[4], paths[8]
	const write = logical.UpdateOperation
	for name, c := range map[string]struct {
		of          *framework.Path
		path        string
		op          logical.Operation
		given, want object
	}{
		"the name of the path": {encrypt, "encrypt/a", write, object{"name": "a", "b": "c"}, object{"b": "c"}},
		"within the path":      {keyConfig, "keys/a/config", logical.PatchOperation, object{"name": "a"}, object{}},
		"an alias":             {alias, "aliases/a/b", write, object{"alias": "a/b"}, object{}},
		"another name":         {encrypt, "encrypt/a", write, object{"name": "b"}, object{"name": "b"}},
		"part of the name":     {encrypt, "encrypt/ab", write, object{"name": "a"}, object{"name": "a"}},
		"no string":            {encrypt, "encrypt/1", write, object{"name": 1}, object{"name": 1}},
		"a path without one":   {config, "config", write, object{"name": "config"}, object{"name": "config"}},
		"an empty name":        {config, "config", write, object{"name": ""}, object{"name": ""}},
		"a query":              {key, "keys/a", logical.DeleteOperation, object{"name": "a"}, object{"name": "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			given := maps.Clone(c.given)
			require.Equal(t, c.want, BesidesPath(c.of, c.path, c.op, given))
			require.Equal(t, c.given, given, "it stays as it is")
		})
	}
}

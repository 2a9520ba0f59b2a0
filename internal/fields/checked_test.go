package fields

import (
	"encoding/json"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/stretchr/testify/require"
)

func TestCheckedValuesAreReadAsTheyAre(t *testing.T) {
	given := &framework.FieldData{Schema: schemas(), Raw: map[string]any{
		"string": "a", "int": 5, "bool": true, "map": map[string]string{"a": "1"}, "default": 0,
	}}
	var all struct {
		s       string
		i, zero int
		b       bool
		m       map[string]string
	}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		all.s, all.i, all.b, all.m = String(given, "string"), Int(given, "int"), Bool(given, "bool"), StringMap(given, "map")
		all.zero = Int(given, "default")
	}))
	require.Equal(t, "a", all.s)
	require.Equal(t, 5, all.i)
	require.True(t, all.b)
	require.Equal(t, map[string]string{"a": "1"}, all.m)
	require.Zero(t, all.zero)
}

func TestAFieldThatIsNotGivenHasItsDefault(t *testing.T) {
	none := &framework.FieldData{Schema: schemas(), Raw: map[string]any{}}
	require.Empty(t, String(none, "string"))
	require.Equal(t, 7, Int(none, "default"))
	require.Zero(t, Int(none, "int"))
	require.False(t, Bool(none, "bool"))
	require.Nil(t, StringMap(none, "map"))
}

// Skipping a map would bind a ciphertext to nothing.
func TestAValueThatNobodyHasCheckedIsNotPassedOver(t *testing.T) {
	raw := &framework.FieldData{Schema: schemas(), Raw: map[string]any{
		"int": json.Number("5"), "map": map[string]any{"a": "1"},
	}}
	require.Equal(t, 5, Int(raw, "int"))
	require.Equal(t, map[string]string{"a": "1"}, StringMap(raw, "map"))
	require.Panics(t, func() { String(raw, "nothing") })
}

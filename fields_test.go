package alicloudkms

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// everyOperation calls f with every path and operation of the engine, on a key called "a".
func everyOperation(b *backend, f func(op logical.Operation, path string)) {
	for _, p := range b.Paths {
		path := strings.ReplaceAll(strings.Trim(p.Pattern, "^$"), framework.GenericNameRegex("name"), "a")
		path = strings.TrimSuffix(path, "?")
		for op := range p.Operations {
			f(op, path)
		}
	}
}

func TestEveryPathRefusesUnknownFields(t *testing.T) {
	r := newKeyRig(t, "a")
	calls, count := r.kms.total(), 0
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		_, err := r.try(op, path, map[string]any{"top-secret": "hidden"})
		refused(t, err, 400, `"top-secret"`)
		require.NotContains(t, err.Error(), "hidden")
		_, err = r.try(op, path, map[string]any{strings.Repeat("n", 5000): "hidden"})
		refused(t, err, 400)
		require.Less(t, len(err.Error()), 500)
		count++
	})
	require.Equal(t, calls, r.kms.total())
	require.Greater(t, count, 15, "every path must have been tried")
}

func TestWrongTypeIsRefusedWithoutItsValue(t *testing.T) {
	r := newKeyRig(t, "a")
	wrong := map[string][]any{
		"TypeString":         {map[string]any{"x": "hidden"}, []any{"hidden"}, 5, json.Number("5"), true},
		"TypeBool":           {"hidden", map[string]any{"x": "hidden"}, []any{"hidden"}, ""},
		"TypeInt":            {"hidden", map[string]any{"x": "hidden"}, []any{"hidden"}, "", true, json.Number("1.5"), json.Number("1e99")},
		"TypeDurationSecond": {"hidden", map[string]any{"x": "hidden"}, "", true, "-5s"},
		"TypeKVPairs":        {"hidden", 5, []any{"hidden"}, map[string]any{"x": 5}},
		"TypeSlice":          {"hidden", 5, true, "", map[string]any{"x": "hidden"}, `[{"x":"hidden"}`},
		"TypeTime":           {"hidden", "", true, "2030-01-01", "1.5", json.Number("1.5"), map[string]any{"x": "hidden"}, []any{"hidden"}},
	}
	tried := 0
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		if op != logical.UpdateOperation {
			return
		}
		for name, schema := range r.backend().Route(path).Fields {
			if name == "name" || schema.Query {
				continue
			}
			kinds := map[string]string{"string": "TypeString", "bool": "TypeBool", "int": "TypeInt", "duration (sec)": "TypeDurationSecond", "keypair": "TypeKVPairs", "slice": "TypeSlice", "time": "TypeTime"}
			kind, known := kinds[schema.Type.String()]
			require.True(t, known, "%s has type %s", name, schema.Type)
			require.NotEmpty(t, typeNames[schema.Type])
			for _, value := range wrong[kind] {
				_, err := r.tryWrite(path, map[string]any{name: value})
				refused(t, err, 400, name)
				require.NotContains(t, err.Error(), "hidden")
				tried++
			}
		}
	})
	require.Greater(t, tried, 100)
}

func TestNameInTheBodyDoesNotChangeTheKey(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	ciphertext := r.write("encrypt/a", map[string]any{"name": "b", "plaintext": hello}).Data["ciphertext"]
	r.write("decrypt/a", map[string]any{"ciphertext": ciphertext})
}

func TestRequestDataOfTheCallerIsLeftAlone(t *testing.T) {
	r := newKeyRig(t, "a")
	data := map[string]any{"plaintext": hello, "encryption_context": "a=1"}
	r.write("encrypt/a", data)
	require.Equal(t, map[string]any{"plaintext": hello, "encryption_context": "a=1"}, data)
}

package alicloudkms

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

// everyOperation calls f with every path and operation of the engine, on a key or alias called "a".
func everyOperation(b *backend, f func(op logical.Operation, path string)) {
	for _, p := range b.Paths {
		path := strings.TrimSuffix(strings.Trim(p.Pattern, "^$"), "?")
		for _, kind := range fields.Names() {
			path = strings.ReplaceAll(path, kind.Pattern, "a")
		}
		for op := range p.Operations {
			f(op, path)
		}
	}
}

func TestEveryPathRefusesUnknownFields(t *testing.T) {
	r := newKeyRig(t, "a")
	calls, count := r.kms.total(), 0
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		_, err := r.try(op, path, body{"top_secret": "hidden"})
		refused(t, err, 400, `"top_secret"`)
		require.NotContains(t, err.Error(), "hidden")
		_, err = r.try(op, path, body{"aGlkZGVu": "hidden"})
		refused(t, err, 400, "unknown field")
		require.NotContains(t, err.Error(), "aGlkZGVu")
		_, err = r.try(op, path, body{strings.Repeat("n", 5000): "hidden"})
		refused(t, err, 400)
		require.Less(t, len(err.Error()), 500)
		count++
	})
	require.Equal(t, calls, r.kms.total())
	require.Greater(t, count, 15, "every path must have been tried")
}

func TestWrongTypeIsRefusedWithoutItsValue(t *testing.T) {
	r := newKeyRig(t, "a")
	wrong := map[framework.FieldType][]any{
		framework.TypeString: {body{"x": "hidden"}, []any{"hidden"}, 5, json.Number("5"), true},
		framework.TypeBool:   {"hidden", body{"x": "hidden"}, []any{"hidden"}, ""},
		framework.TypeInt: {
			"hidden",
			body{"x": "hidden"},
			[]any{"hidden"},
			"", true, json.Number("1.5"),
			json.Number("1e99"),
		},
		framework.TypeDurationSecond: {"hidden", body{"x": "hidden"}, "", true, "-5s"},
		framework.TypeKVPairs:        {"hidden", 5, []any{"hidden"}, body{"x": 5}, body{"x": []any{"hidden"}}},
		framework.TypeSlice:          {"hidden", 5, true, "", body{"x": "hidden"}, `[{"x":"hidden"}`},
		framework.TypeTime: {
			"hidden", "", true, "2030-01-01", "1.5", json.Number("1.5"),
			body{"x": "hidden"},
			[]any{"hidden"},
		},
		framework.TypeCommaStringSlice: {
			"", ",", "hidden,,hidden", 5, true,
			[]any{},
			[]any{"hidden", ""},
			[]any{"hidden", 5},
			body{"x": "hidden"},
		},
	}
	tried := map[framework.FieldType]int{}
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		for name, schema := range r.backend().Route(path).Fields {
			if !fields.Takes(op, name, schema) {
				continue
			}
			require.Contains(t, wrong, schema.Type, "%s has type %s", name, schema.Type)
			for _, value := range wrong[schema.Type] {
				if value == json.Number("5") && schema.DisplayAttrs != nil && schema.DisplayAttrs.EditType == fields.OrNumber {
					continue
				}
				_, err := r.try(op, path, body{name: value})
				refused(t, err, 400)
				require.Regexp(t, `^the field "`+name+`" must be \S`, err)
				require.NotContains(t, err.Error(), "hidden")
				tried[schema.Type]++
			}
		}
	})
	require.Greater(t, tried[framework.TypeString], 100)
	require.NotZero(t, tried[framework.TypeCommaStringSlice])
}

func TestNameInTheBodyIsRefusedUnlessItRepeatsThePath(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	text := r.write("encrypt/a", body{"name": "a", "plaintext": hello}).Data["ciphertext"]
	require.Equal(t, hello, r.write("decrypt/a", body{"name": "a", "ciphertext": text}).Data["plaintext"])
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		for _, kind := range fields.Names() {
			_, err := r.try(op, path, body{kind.Field: "b"})
			refused(t, err, 400, `unknown field "`+kind.Field+`"`)
		}
	})
}

func TestABodyOfNullIsAsNoBody(t *testing.T) {
	r := newKeyRig(t, "a")
	null := body{"null": ""} // Vault turns a JSON null that is sent as a form into this.
	for _, path := range []string{"keys/b", "keys/a/config", "keys/a/disable", "keys/a/enable", "datakey/wrapped/a"} {
		r.write(path, null)
	}
	_, err := r.tryWrite("encrypt/a", null)
	refused(t, err, 400, "plaintext is required")
}

func TestKeyNameWithTwoDotsIsRefusedByName(t *testing.T) {
	r := newKeyRig(t)
	calls := r.storage.total()
	for _, path := range []string{"keys/a..b", "keys/a..b/config", "encrypt/a..b", "datakey/wrapped/a..b"} {
		_, err := r.tryWrite(path, nil)
		refused(t, err, 400, `"a..b" is not a key name`, "has no '..'")
	}
	require.Equal(t, calls, r.storage.total())
}

func TestRequestDataOfTheCallerIsNotChanged(t *testing.T) {
	r := newKeyRig(t, "a")
	data := body{"plaintext": hello, "encryption_context": "a=1"}
	r.write("encrypt/a", data)
	require.Equal(t, body{"plaintext": hello, "encryption_context": "a=1"}, data)
}

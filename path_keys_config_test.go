package alicloudkms

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/reserved"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeyConfigKeepsOtherFields(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	resp := r.write("keys/a/config", nil)
	require.Equal(t, true, resp.Data["deletion_allowed"])
	require.Equal(t, map[string]string{"team": "hr"}, resp.Data["bound_context"])
	require.Equal(t, resp.Data, r.read("keys/a/config").Data)
	require.Equal(t, calls+2, r.kms.total(), "KMS is asked once for the key and once for its tags")
	r.write("keys/a/config", body{"bound_context": "{}"})
	require.Empty(t, r.read("keys/a/config").Data["bound_context"])
}

func TestBoundContextIsSentWithEveryCall(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	want := kmsapi.EncryptionContext{"team": "hr", "employee": "4711"}
	given := body{"encryption_context": "employee=4711"}
	ciphertext := r.write("encrypt/a", with(given, body{"plaintext": hello})).Data["ciphertext"]
	require.Equal(t, want, r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
	r.write("decrypt/a", with(given, body{"ciphertext": ciphertext}))
	require.Equal(t, want, r.kms.last.(*kmsapi.DecryptRequest).EncryptionContext)
	r.write("datakey/wrapped/a", given)
	require.Equal(t, want, r.kms.last.(*kmsapi.GenerateDataKeyWithoutPlaintextRequest).EncryptionContext)
	r.write("rewrap/a", with(given, body{"ciphertext": ciphertext}))
	require.Equal(t, want, r.kms.last.(*kmsapi.ReEncryptRequest).SourceEncryptionContext)
	require.Equal(t, want, r.kms.last.(*kmsapi.ReEncryptRequest).DestinationEncryptionContext)
}

func TestCallerCannotOverrideTheBoundContext(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	for path, data := range map[string]map[string]any{
		"encrypt/a":           {"plaintext": hello},
		"decrypt/a":           {"ciphertext": "QQ=="},
		"datakey/plaintext/a": {},
		"datakey/wrapped/a":   {},
	} {
		calls := r.kms.total()
		for _, other := range []string{"team=it", "team="} {
			_, err := r.tryWrite(path, with(data, body{"encryption_context": other}))
			refused(t, err, 400, "team", "bound")
		}
		require.Equal(t, calls, r.kms.total())
	}
}

func TestAssociatedDataHasAnEntryOfItsOwn(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("encrypt/a", body{"plaintext": hello, "associated_data": "QUJD"})
	require.Equal(t, kmsapi.EncryptionContext{"vault:associated_data": "QUJD"},
		r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
	for path, field := range map[string]string{"encrypt/a": "encryption_context", "keys/a/config": "bound_context"} {
		data := body{field: body{"vault:associated_data": "QUJD"}}
		if path == "encrypt/a" {
			data["plaintext"] = hello
		}
		_, err := r.tryWrite(path, data)
		refused(t, err, 400, field, "associated_data")
	}
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "associated_data": "top-secret!"})
	refused(t, err, 400, "associated_data", "base64")
	require.NotContains(t, err.Error(), "top-secret!")
}

func TestNamesOfTheEnginesOwnAreReservedInContexts(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	for name, reserved := range map[string]map[string]any{
		"a reserved name":        {"vault:associated_data": "QUJD"},
		"a name of tomorrow":     {"vault:purpose": "x"},
		"the prefix alone":       {"vault:": ""},
		"a name spelled inside":  {"a=1&vault:context": "x"},
		"a value that spells it": {"a": "1&vault:context=x"},
		"next to a good one":     {"a": "1", "vault:version": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := r.kms.total()
			for path, data := range map[string]map[string]any{
				"encrypt/a":           {"encryption_context": reserved, "plaintext": hello},
				"decrypt/a":           {"encryption_context": reserved, "ciphertext": ciphertext},
				"rewrap/a":            {"encryption_context": reserved, "ciphertext": ciphertext},
				"datakey/plaintext/a": {"encryption_context": reserved},
				"datakey/wrapped/a":   {"encryption_context": reserved},
				"keys/a/config":       {"bound_context": reserved},
				"keys/b/register":     {"bound_context": reserved, "key_id": r.keyID("a")},
			} {
				_, err := r.tryWrite(path, data)
				refused(t, err, 400, "vault:")
			}
			_, err := r.try(logical.PatchOperation, "keys/a/config", body{"bound_context": reserved})
			refused(t, err, 400, "vault:")
			require.Equal(t, calls, r.kms.total())
		})
	}
	r.write("encrypt/a", body{"plaintext": hello, "encryption_context": body{"Vault": "vault:x", "a": "vault:1&b"}})
}

// A key from before the names were reserved.
func TestReservedEntryOfBeforeKeepsWorkingAndIsReported(t *testing.T) {
	r := newKeyRig(t, "a")
	old := map[string]string{"vault:team": "hr", "b": "1&vault:x=2"}
	entry, err := loadKey(t.Context(), r.storage, "a")
	require.NoError(t, err)
	entry.BoundContext = old
	require.NoError(t, r.backend().storeKey(t.Context(), r.storage, "a", entry))

	ciphertext := r.encrypt("a", hello)
	require.Equal(t, kmsapi.EncryptionContext(old), r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
	r.write("decrypt/a", body{"ciphertext": ciphertext})
	r.write("decrypt/a", body{"ciphertext": ciphertext, "encryption_context": body{"vault:team": "hr"}})
	for _, resp := range []*logical.Response{
		r.read("keys/a"), r.read("keys/a/config"), r.write("keys/a/config", body{"deletion_allowed": true}),
		r.do(logical.PatchOperation, "keys/a/config", body{"bound_context": body{"c": "1"}}),
		r.write("keys/a/register", body{"key_id": entry.KeyID, "bound_context": with(body{"c": "1"},
			body{"vault:team": "hr", "b": "1&vault:x=2"})}),
	} {
		require.Contains(t, strings.Join(resp.Warnings, "\n"), "now reserved")
		require.Contains(t, strings.Join(resp.Warnings, "\n"), "b, vault:team")
	}
	for _, other := range []body{{"vault:team": "it"}, {"vault:more": "x"}} {
		_, err = r.tryWrite("keys/a/config", body{"bound_context": other})
		refused(t, err, 400, "vault:")
		_, err = r.tryWrite("encrypt/a", body{"plaintext": hello, "encryption_context": other})
		refused(t, err, 400, "vault:")
	}
	require.Empty(t, r.write("keys/a/config", body{"bound_context": body{}}).Warnings[1:])
	require.Empty(t, r.read("keys/a").Warnings)
}

func TestContextMayBeWrittenInManyWays(t *testing.T) {
	want := kmsapi.EncryptionContext{"a": "1", "b": "x=y"}
	for name, given := range map[string]any{
		"a JSON object":       body{"a": "1", "b": "x=y"},
		"the text of one":     ` {"a":"1","b":"x=y"}`,
		"several name=value":  []any{"a=1", "b=x=y"},
		"a Go map of strings": map[string]string{"a": "1", "b": "x=y"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("encrypt/a", body{"plaintext": hello, "encryption_context": given})
			require.Equal(t, want, r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
		})
	}
}

func TestBadContextNeverReachesKMS(t *testing.T) {
	for name, given := range map[string]any{
		"a word":                "top-secret",
		"a number":              7,
		"a value not a string":  body{"a": 7},
		"a value true":          body{"a": true},
		"a value null":          body{"a": nil},
		"a map in a map":        body{"a": body{"b": "top-secret"}},
		"a name twice":          []any{"a=1", "a=2"},
		"a name twice, JSON":    `{"a":"1","a":"2"}`,
		"broken JSON":           `{"a":"top-secret"`,
		"no name":               "=top-secret",
		"an empty name":         body{"": "x"},
		"a string not in UTF-8": body{"a": "\uFFFD"},
		"more than KMS takes":   body{"a": strings.Repeat("x", kmsapi.MaxEncryptionContext)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			calls := r.kms.total()
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "encryption_context": given})
			refused(t, err, 400, "encryption_context")
			require.NotContains(t, err.Error(), "top-secret")
			require.Equal(t, calls, r.kms.total())
		})
	}
}

func TestBoundContextThatKMSWouldRefuseIsNotStored(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, bound := range []map[string]any{
		{"": "x"},
		{"a": "\uFFFD"},
		{"a": strings.Repeat("x", kmsapi.MaxEncryptionContext)},
	} {
		_, err := r.tryWrite("keys/a/config", body{"bound_context": bound})
		refused(t, err, 400, "bound_context")
	}
	require.Empty(t, r.read("keys/a/config").Data["bound_context"])
	half := strings.Repeat("x", kmsapi.MaxEncryptionContext/2)
	r.write("keys/a/config", body{"bound_context": body{"a": half}})
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "encryption_context": body{"b": half}})
	refused(t, err, 400, "together")
}

func TestPatchChangesOnlyWhatItGives(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": body{"team": "hr", "stage": "test"}, "deletion_allowed": true})
	for _, step := range []struct {
		patch   map[string]any
		bound   map[string]string
		deleted bool
	}{
		{body{}, map[string]string{"team": "hr", "stage": "test"}, true},
		{body{"bound_context": body{"stage": "live"}}, map[string]string{"team": "hr", "stage": "live"}, true},
		{body{"bound_context": body{"stage": nil, "nobody": nil}}, map[string]string{"team": "hr"}, true},
		{body{"bound_context": "site=x"}, map[string]string{"team": "hr", "site": "x"}, true},
		{body{"bound_context": body{}}, map[string]string{"team": "hr", "site": "x"}, true},
		{body{"deletion_allowed": nil}, map[string]string{"team": "hr", "site": "x"}, false},
		{body{"bound_context": nil, "deletion_allowed": "true"}, map[string]string{}, true},
	} {
		resp := r.do(logical.PatchOperation, "keys/a/config", step.patch)
		require.Equal(t, step.bound, resp.Data["bound_context"])
		require.Equal(t, step.deleted, resp.Data["deletion_allowed"])
		require.Equal(t, resp.Data, r.read("keys/a/config").Data)
	}
	for _, bad := range []any{
		5, "hidden",
		[]any{5},
		map[string]any{"a": 5},
		map[string]any{"": "x"},
		map[string]any{reserved.AssociatedData: "x"},
	} {
		_, err := r.try(logical.PatchOperation, "keys/a/config", body{"bound_context": bad})
		refused(t, err, 400, "bound_context")
	}
	_, err := r.try(logical.PatchOperation, "keys/nobody/config", nil)
	refused(t, err, 404)
}

func TestBoundContextThatFailsIsNotStored(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	r.storage.reset("list", 1)
	_, err := r.tryWrite("keys/a/config", body{"bound_context": "team=hr"})
	require.ErrorIs(t, err, errStorage)
	require.Empty(t, r.read("keys/a/config").Data["bound_context"])
}

func TestChangedBoundContextIsAWarning(t *testing.T) {
	r := newKeyRig(t, "a")
	require.NotEmpty(t, r.write("keys/a/config", body{"bound_context": "team=hr"}).Warnings)
	require.Empty(t, r.write("keys/a/config", body{"bound_context": "team=hr", "deletion_allowed": true}).Warnings)
	require.NotEmpty(t, r.do(logical.PatchOperation, "keys/a/config", body{"bound_context": nil}).Warnings)
}

package alicloudkms

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecryptTakesTheBareBlobToo(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	for _, form := range []string{ciphertext, strings.TrimPrefix(ciphertext, "vault:v1:")} {
		resp := r.write("decrypt/a", body{"ciphertext": form})
		require.Equal(t, body{"plaintext": hello}, resp.Data)
		require.Empty(t, resp.Warnings)
	}
}

func TestPlaintextOfAnotherProgramIsReturnedInBase64WithAWarning(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, text := range []string{"héllo wörld", "aGVs\nbG8=", "aGVsbG8", "aGVsbG9="} {
		resp := r.write("decrypt/a", body{"ciphertext": r.encryptDirectly(r.keyID("a"), text)})
		got, err := base64.StdEncoding.DecodeString(resp.Data["plaintext"].(string))
		require.NoError(t, err)
		require.Equal(t, text, string(got))
		require.Len(t, resp.Warnings, 1)
		require.NotContains(t, resp.Warnings[0], text)
	}
}

func TestCiphertextOpensOnlyThroughItsOwnKey(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	ciphertext := r.encrypt("a", hello)
	resp, err := r.tryWrite("decrypt/b", body{"ciphertext": ciphertext})
	require.Nil(t, resp)
	refused(t, err, 403)
	for _, secret := range []string{hello, r.keyID("a"), r.keyID("b"), `"a"`} {
		require.NotContains(t, err.Error(), secret)
	}
	dataKey := r.write("datakey/wrapped/a", nil).Data["ciphertext"]
	_, err = r.tryWrite("decrypt/b", body{"ciphertext": dataKey})
	refused(t, err, 403)
}

func TestBoundContextSeparatesKeysOfOneCMK(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	shared, err := loadKey(t.Context(), r.storage, "a")
	require.NoError(t, err)
	require.NoError(t, r.backend().storeKey(t.Context(), r.storage, "b", shared))
	r.write("keys/a/config", body{"bound_context": body{"team": "a"}})
	r.write("keys/b/config", body{"bound_context": body{"team": "b"}})

	ciphertext := r.encrypt("a", hello)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	_, err = r.tryWrite("decrypt/b", body{"ciphertext": ciphertext})
	refused(t, err, 400, "bound_context")
	_, err = r.tryWrite("decrypt/b", body{"ciphertext": ciphertext, "encryption_context": body{"team": "a"}})
	refused(t, err, 400, "team", "bound")
	r.write("decrypt/a", body{"ciphertext": ciphertext, "encryption_context": body{"team": "a"}})
}

func TestBadCiphertextNeverReachesKMS(t *testing.T) {
	for name, ciphertext := range map[string]any{
		"none":                 nil,
		"empty":                "",
		"only the prefix":      "vault:v1:",
		"version 0":            "vault:v0:QQ==",
		"a leading zero":       "vault:v01:QQ==",
		"no version":           "vault:v:QQ==",
		"a negative version":   "vault:v-1:QQ==",
		"a version in words":   "vault:vone:QQ==",
		"no vault":             "v1:QQ==",
		"digits of elsewhere":  "vault:v١:QQ==",
		"another prefix":       "aws:v1:QQ==",
		"the prefix twice":     "vault:v1:vault:v1:QQ==",
		"far too long":         strings.Repeat("A", maxCiphertext+1),
		"not base64":           "vault:v1:QQ==?",
		"the other base64":     "vault:v1:-_-_",
		"cut":                  "vault:v1:QQ=",
		"with a lost plus":     "vault:v1:QQQ Q",
		"line breaks only":     "\r\n \n",
		"a number":             7,
		"a list of a good one": []any{"vault:v1:QQ=="},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			calls := r.kms.total()
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			refused(t, err, 400, "ciphertext")
			require.Equal(t, calls, r.kms.total())
		})
	}
}

func TestDecryptNeedsWhatEncryptWasGiven(t *testing.T) {
	given := body{"encryption_context": body{"employee": "4711"}, "associated_data": "QUJD"}
	for name, other := range map[string]map[string]any{
		"neither":                {},
		"no associated data":     {"encryption_context": given["encryption_context"]},
		"other associated data":  with(given, body{"associated_data": "QUJE"}),
		"no context":             {"associated_data": "QUJD"},
		"another context":        with(given, body{"encryption_context": body{"employee": "4712"}}),
		"more context":           with(given, body{"encryption_context": body{"employee": "4711", "x": "y"}}),
		"another case":           with(given, body{"encryption_context": body{"Employee": "4711"}}),
		"name and value swapped": with(given, body{"encryption_context": body{"4711": "employee"}}),
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			ciphertext := r.write("encrypt/a", with(given, body{"plaintext": hello})).Data["ciphertext"]
			require.Equal(t, hello, r.write("decrypt/a", with(given, body{"ciphertext": ciphertext})).Data["plaintext"])
			_, err := r.tryWrite("decrypt/a", with(other, body{"ciphertext": ciphertext}))
			refused(t, err, 400, "InvalidParameter", "encryption_context")
		})
	}
}

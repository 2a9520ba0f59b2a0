package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// asksForHMACs are requests and bodies, in which $hmac is an HMAC of "hello" and $long one with sha2-512. "key" is a
// symmetric key, and "derived" one that is derived.
var asksForHMACs = []struct{ name, path, body string }{
	{"an HMAC", "hmac/key", `{"input":"aGVsbG8="}`},
	{"with the function in the path", "hmac/key/sha3-384", `{"input":"aGVsbG8="}`},
	{"with the function in a field", "hmac/key", `{"input":"aGVsbG8=","algorithm":"sha2-224"}`},
	{"of nothing", "hmac/key", `{"input":""}`},
	{"with a version", "hmac/key", `{"input":"aGVsbG8=","key_version":1}`},
	{"with a version as text", "hmac/key", `{"input":"aGVsbG8=","key_version":"1"}`},
	{"with a derived key", "hmac/derived", `{"input":"aGVsbG8="}`},
	{"of a batch", "hmac/key", `{"batch_input":[{"input":"aGVsbG8=","reference":"a"},{"input":""}]}`},
	{
		"of a batch with items that fail", "hmac/key",
		`{"batch_input":[{"input":"aGVsbG8="},{"input":"!","reference":"b"},{}]}`,
	},
	{"without an input", "hmac/key", `{}`},
	{"with an input that is not base64", "hmac/key", `{"input":"hello!"}`},
	{"with an unknown function", "hmac/key", `{"input":"aGVsbG8=","algorithm":"md5"}`},
	{"with a version that is to come", "hmac/key", `{"input":"aGVsbG8=","key_version":9}`},
	{"of an empty batch", "hmac/key", `{"batch_input":[]}`},

	{"verify", "verify/key", `{"input":"aGVsbG8=","hmac":"$hmac"}`},
	{"verify, with the function in the path", "verify/key/sha2-512", `{"input":"aGVsbG8=","hmac":"$long"}`},
	{
		"verify, with the function in a field", "verify/key",
		`{"input":"aGVsbG8=","hmac":"$long","hash_algorithm":"sha2-512"}`,
	},
	{"verify, with the old field", "verify/key", `{"input":"aGVsbG8=","hmac":"$long","algorithm":"sha2-512"}`},
	{
		"verify, with what is for signatures", "verify/key",
		`{"input":"aGVsbG8=","hmac":"$hmac","prehashed":true,"salt_length":"auto"}`,
	},
	{"verify, with another function", "verify/key", `{"input":"aGVsbG8=","hmac":"$long"}`},
	{"verify of other data", "verify/key", `{"input":"YnllCg==","hmac":"$hmac"}`},
	{
		"verify of a batch", "verify/key",
		`{"batch_input":[{"input":"aGVsbG8=","hmac":"$hmac","reference":"a"},{"input":"","hmac":"$hmac"}]}`,
	},
	{
		"verify, with an item that fails", "verify/key",
		`{"batch_input":[{"input":"aGVsbG8=","hmac":"$hmac"},{"input":"!","hmac":"$hmac"}]}`,
	},
	{"verify, without a version", "verify/key", `{"input":"aGVsbG8=","hmac":"QUJD"}`},
	{"verify, with a version to come", "verify/key", `{"input":"aGVsbG8=","hmac":"vault:v9:QUJD"}`},
	{"verify, with what is not base64", "verify/key", `{"input":"aGVsbG8=","hmac":"vault:v1:!"}`},
	{"verify, with neither", "verify/key", `{"input":"aGVsbG8="}`},
	{"verify, with both", "verify/key", `{"input":"aGVsbG8=","hmac":"$hmac","signature":"$hmac"}`},
}

// The transit engine is Vault's: OpenBao's differs in the old field of verify, and in references in a batch.
func TestHMACAnswersAsTransitDoes(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		if s.vault.platform.name != "vault" {
			return
		}
		ours, transit := s.mount(t), s.transitEngine(t)
		ours.write("keys/key", map[string]any{"encryption": "envelope"})
		ours.write("keys/derived", map[string]any{"encryption": "envelope", "derived": true})
		transit.write("keys/key", nil)
		transit.write("keys/derived", map[string]any{"derived": true})
		for _, ask := range asksForHMACs {
			t.Run(ask.name, func(t *testing.T) {
				got, gotData := ours.askForHMAC(t, ask.path, ask.body)
				want, wantData := transit.askForHMAC(t, ask.path, ask.body)
				if isPartial := want == http.StatusOK && got == http.StatusBadRequest; !isPartial || !hasError(wantData) {
					require.Equal(t, want, got)
				}
				requireLike(t, wantData, gotData, "data")
			})
		}
	})
}

// transitEngine mounts Vault's own transit engine until the test ends.
func (s *stage) transitEngine(t *testing.T) *mount {
	t.Helper()
	m := &mount{t: t, client: s.vault.Client, path: "hmac-of-transit"}
	require.NoError(t, m.client.Sys().Mount(m.path, &api.MountInput{Type: "transit"}))
	t.Cleanup(func() { require.NoError(t, m.client.Sys().Unmount(m.path)) })
	return m
}

// askForHMAC returns the status and the data of an answer.
func (m *mount) askForHMAC(t *testing.T, path, body string) (status int, data any) {
	t.Helper()
	hello := map[string]any{"input": base64.StdEncoding.EncodeToString([]byte("hello"))}
	body = os.Expand(body, func(name string) string {
		return m.write(map[string]string{"hmac": "hmac/key", "long": "hmac/key/sha2-512"}[name], hello)["hmac"].(string)
	})
	status, text := m.exchange(http.MethodPost, path, body, "application/json")
	var answer struct{ Data any }
	require.NoError(t, json.Unmarshal([]byte(text), &answer), text)
	return status, answer.Data
}

// hasError reports whether an item of a batch failed. Transit answers 200 to such a batch of HMACs, and 400 to one of
// ciphertexts; the engine answers 400 to all.
func hasError(data any) bool {
	results, _ := data.(map[string]any)["batch_results"].([]any)
	for _, result := range results {
		if result.(map[string]any)["error"] != nil {
			return true
		}
	}
	return false
}

// requireLike requires the same fields with values of the same kind, and booleans with the same value. Transit says of
// every item whether it is valid, even if nothing was checked.
func requireLike(t *testing.T, want, got any, where string) {
	t.Helper()
	require.IsType(t, want, got, where)
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		if _, ok := got["valid"]; !ok && want["valid"] == false {
			delete(want, "valid")
		}
		for name := range want {
			require.Contains(t, got, name, where)
			requireLike(t, want[name], got[name], where+"."+name)
		}
		require.Len(t, got, len(want), "%s: %v", where, got)
	case []any:
		require.Len(t, got, len(want), where)
		for i := range want {
			requireLike(t, want[i], got.([]any)[i], fmt.Sprintf("%s.%d", where, i))
		}
	case string:
		if !strings.HasSuffix(where, ".error") {
			require.Len(t, got, len(want), "%s: %v", where, got)
		}
	default:
		require.Equal(t, want, got, where)
	}
}

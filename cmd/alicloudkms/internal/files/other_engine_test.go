package files

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// answering is a Vault that gives one answer to everything.
func answering(t *testing.T, status int, body string) *Vault {
	t.Helper()
	double := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(double.Close)
	t.Setenv("VAULT_ADDR", double.URL)
	t.Setenv("VAULT_TOKEN", testToken)
	t.Setenv("VAULT_MAX_RETRIES", "0")
	keys, err := NewVault("transit/payroll")
	require.NoError(t, err)
	return keys
}

// Transit has the same paths and ignores an encryption context, but its wrapped keys are not KMS's. A file with one
// would open neither through Vault nor without it.
func TestNoFileIsMadeWithTheKeyOfAnotherEngine(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))
	answer := func(ciphertext string) string {
		return fmt.Sprintf(`{"data": {"plaintext": %q, "ciphertext": %q}}`, key, ciphertext)
	}
	random := make([]byte, 60)
	_, _ = rand.Read(random)
	for name, answer := range map[string]string{
		"of transit":               answer("vault:v1:" + b64(string(random))),
		"without a ciphertext":     fmt.Sprintf(`{"data": {"plaintext": %q}}`, key),
		"without a plaintext":      `{"data": {"ciphertext": "vault:v1:AAAA"}}`,
		"with a malformed prefix":  answer("vault:x1:AAAA"),
		"with other types":         `{"data": {"plaintext": 1, "ciphertext": []}}`,
		"with nothing":             `{}`,
		"of too long a ciphertext": answer("vault:v1:" + b64(strings.Repeat("a", 1025))),
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			err := Encrypt(t.Context(), &file, bytes.NewReader(dawn(10)), answering(t, 200, answer), Contexts{})
			require.ErrorContains(t, err, "is the secrets engine for Alibaba Cloud KMS mounted at transit/?")
			require.Zero(t, file.Len())
		})
	}
	t.Run("with a short key", func(t *testing.T) {
		short := fmt.Sprintf(`{"data": {"plaintext": "AAAA", "ciphertext": "vault:v1:%s"}}`, b64(strings.Repeat("a", 60)))
		err := Encrypt(t.Context(), new(bytes.Buffer), bytes.NewReader(nil), answering(t, 200, short), Contexts{})
		require.EqualError(t, err, "what KMS has decrypted is not a data key of 32 bytes")
	})
}

// An answer without a plaintext is not that of an empty one.
func TestAMissingPlaintextIsNotAnEmptyOne(t *testing.T) {
	sealed := bytes.NewReader([]byte("vault:v1:AAAA"))
	var plaintext bytes.Buffer
	err := Decrypt(t.Context(), &plaintext, sealed, answering(t, 200, `{"data": {}}`), Contexts{})
	require.ErrorContains(t, err, "the answer to transit/decrypt/payroll has no plaintext")
	_, _ = sealed.Seek(0, 0)
	empty := answering(t, 200, `{"data": {"plaintext": ""}}`)
	require.NoError(t, Decrypt(t.Context(), &plaintext, sealed, empty, Contexts{}))
	require.Zero(t, plaintext.Len())
}

func TestVaultsWordsCommandNoTerminal(t *testing.T) {
	vault := answering(t, 400, `{"errors": ["one\u001b[2J\nalicloudkms: fine", "two"]}`)
	_, _, err := vault.Generate(t.Context(), Contexts{})
	require.EqualError(t, err,
		`Vault refused transit/datakey/plaintext/payroll (HTTP 400): one\u001b[2J alicloudkms: fine; two`)
}

package e2e

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMainJob also proves to CI that tests ran on a real Vault: .ci/check.sh looks for its name.
func TestMainJob(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		config := m.read("config")
		require.Equal(t, s.kms.Address, config["endpoint"])
		require.NotContains(t, config, "secret_key")
		m.mainJob(t)
	})
}

// mainJob makes a key, uses it, and stops its use for a while.
func (m *mount) mainJob(t *testing.T) {
	t.Helper()
	m.write("keys/payroll", map[string]any{"description": "salaries"})
	require.Equal(t, []any{"payroll"}, m.list("keys"))
	key := m.read("keys/payroll")
	require.Equal(t, "salaries", key["description"])

	plaintext := newPlaintext()
	ciphertext := m.encrypt("payroll", plaintext)
	require.Regexp(t, `^vault:v1:`, ciphertext)
	require.NotEqual(t, ciphertext, m.encrypt("payroll", plaintext), "two encryptions of one plaintext must differ")
	require.Equal(t, plaintext, m.decrypt("payroll", ciphertext))
	require.Equal(t, plaintext, m.decrypt("payroll", ciphertext[len("vault:v1:"):]),
		"KMS's bare blob must be accepted too")

	m.write("keys/payroll/disable", nil)
	_, err := m.try("encrypt/payroll", map[string]any{"plaintext": plaintext})
	m.refused(err, http.StatusConflict, "Rejected.Disabled", "keys/payroll/enable")
	_, err = m.try("decrypt/payroll", map[string]any{"ciphertext": ciphertext})
	m.refused(err, http.StatusConflict, "Rejected.Disabled")
	m.write("keys/payroll/enable", nil)
	require.Equal(t, plaintext, m.decrypt("payroll", ciphertext))
}

func TestDataKeysAreRecoveredFromTheirWrappedForm(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/files", nil)
		for name, test := range map[string]struct {
			fields map[string]any
			bytes  int
		}{
			"the default":   {nil, 32},
			"128 bits":      {map[string]any{"bits": 128}, 16},
			"512 bits":      {map[string]any{"bits": 512}, 64},
			"a single byte": {map[string]any{"number_of_bytes": 1}, 1},
			"1024 bytes":    {map[string]any{"number_of_bytes": 1024}, 1024},
		} {
			t.Run(name, func(t *testing.T) {
				made := m.write("datakey/plaintext/files", test.fields)
				plaintext, _ := made["plaintext"].(string)
				key, err := base64.StdEncoding.DecodeString(plaintext)
				require.NoError(t, err)
				require.Len(t, key, test.bytes)
				if len(key) >= 16 { // A shorter key is found by chance.
					shared.secrets.add(string(key))
					shared.secrets.add(plaintext)
				}
				wrapped, _ := made["ciphertext"].(string)
				require.Equal(t, plaintext, m.decrypt("files", wrapped))
			})
		}
		require.NotContains(t, m.write("datakey/wrapped/files", nil), "plaintext")
	})
}

func TestKeysAreDeletedOnlyIfAllowedAndDeletionCanBeCanceled(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/old", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("old", plaintext)

		_, err := m.client.Logical().Delete(m.path + "/keys/old")
		m.refused(err, http.StatusBadRequest, "deletion_allowed=true")
		require.Equal(t, plaintext, m.decrypt("old", ciphertext), "a rejected deletion must change nothing")

		m.write("keys/old/config", map[string]any{"deletion_allowed": true})
		_, err = m.client.Logical().Delete(m.path + "/keys/old")
		require.NoError(t, err)
		_, err = m.try("decrypt/old", map[string]any{"ciphertext": ciphertext})
		m.refused(err, http.StatusConflict, "Rejected.PendingDeletion", "cancel_deletion")

		m.write("keys/old/cancel_deletion", nil)
		require.Equal(t, plaintext, m.decrypt("old", ciphertext))
	})
}

func TestContextsMustMatch(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/orders", nil)
		plaintext := newPlaintext()
		context := func(tenant string) map[string]any {
			return map[string]any{"encryption_context": map[string]any{"tenant": tenant}}
		}
		ciphertext := m.encrypt("orders", plaintext, context("red"))
		require.Equal(t, plaintext, m.decrypt("orders", ciphertext, context("red")))
		for _, other := range []map[string]any{nil, context("blue")} {
			_, err := m.try("decrypt/orders", with(map[string]any{"ciphertext": ciphertext}, other))
			m.refused(err, http.StatusBadRequest)
		}

		m.write("keys/orders/config", map[string]any{"bound_context": map[string]any{"team": "red"}})
		bound := m.encrypt("orders", plaintext)
		require.Equal(t, plaintext, m.decrypt("orders", bound))
		_, err := m.try("encrypt/orders", map[string]any{
			"plaintext": plaintext, "encryption_context": map[string]any{"team": "blue"},
		})
		m.refused(err, http.StatusBadRequest, "team")
	})
}

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVaultThatIsRestoredOpensWhatItHasForgotten restores a snapshot of Vault from before a rotation. Two data keys of
// one key then have the same number.
func TestVaultThatIsRestoredOpensWhatItHasForgotten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		alone := s.withOwnVault(t, "restored")
		v := alone.vault
		m := alone.mount(t)
		m.write("keys/a", inEnvelopeMode)
		plaintext := newPlaintext()
		first := m.encrypt("a", plaintext)
		var snapshot bytes.Buffer
		require.NoError(t, v.Client.Sys().RaftSnapshot(&snapshot))

		m.write("keys/a/rotate", nil)
		forgotten := m.encrypt("a", plaintext)
		v.restore(t, m, &snapshot, "keys/a", 1)
		require.Equal(t, plaintext, m.decrypt("a", first))
		_, err := m.try("decrypt/a", map[string]any{"ciphertext": forgotten})
		m.refused(err, http.StatusForbidden, "version 2", "older snapshot", "rotate")

		m.write("keys/a/rotate", nil)
		again := m.encrypt("a", plaintext)
		require.Regexp(t, "^vault:v2:", forgotten)
		require.Regexp(t, "^vault:v2:", again)
		for _, ciphertext := range []string{first, forgotten, again} {
			require.Equal(t, plaintext, m.decrypt("a", ciphertext))
			require.Regexp(t, "^vault:v2:", m.write("rewrap/a", map[string]any{"ciphertext": ciphertext})["ciphertext"])
		}
	})
}

// restore replaces the server's storage by a snapshot, in which the newest version of the key at path is newest. It
// returns once the server serves that.
func (v *vaultServer) restore(t *testing.T, m *mount, snapshot *bytes.Buffer, path string, newest int) {
	t.Helper()
	require.NoError(t, v.Client.Sys().RaftSnapshotRestore(snapshot, false))
	require.NoError(t, v.Await(v.unsealed))
	require.NoError(t, v.Await(func() bool {
		found, err := m.client.Logical().Read(m.path + "/" + path)
		return err == nil && found != nil && fmt.Sprint(found.Data["latest_version"]) == fmt.Sprint(newest)
	}))
}

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNodeVaultsFunctionsForTransitWorkAtTransitsPath(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mountAt(t, "transit")
		m.write("config", s.kms.EngineConfig())
		program, err := filepath.Abs(filepath.Join("testdata", "node-vault.cjs"))
		require.NoError(t, err)
		cmd := node(program)(t, "")
		cmd.Env = append(append(os.Environ(), "VAULT_ADDR="+m.client.Address(), "VAULT_TOKEN="+m.client.Token()), cmd.Env...)
		var failure strings.Builder
		cmd.Stderr = &failure
		out, err := cmd.Output()
		require.NoError(t, err, failure.String())
		require.Equal(t, "done\n", string(out))
	})
}

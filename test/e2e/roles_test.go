package e2e

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The other roles' paths are pages, which run too: docs/apps.md for the developer of a program, and docs/ci.md for the
// Go developer.
func TestAnOperatorGetsThereWithoutAWrongTurn(t *testing.T) {
	script, err := os.ReadFile("testdata/operator.sh")
	require.NoError(t, err)
	onEach(t, func(t *testing.T, s *stage) {
		s.runAsPrinted(t, string(script))
	})
}

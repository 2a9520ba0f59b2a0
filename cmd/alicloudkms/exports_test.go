package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheShellReadsExportsAsTheyAre(t *testing.T) {
	value := `it's "a" $HOME \ value`
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, writeAtomically(path, exports{{"STRANGE", value}}.script()))
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `. "$0"; printf %s "$STRANGE"`, path).Output()
	require.NoError(t, err)
	require.Equal(t, value, string(out))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

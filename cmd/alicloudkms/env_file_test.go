package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

const strange = `it's "a" $HOME \ value`

func TestTheShellReadsExportsAsTheyAre(t *testing.T) {
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, writeAtomically(path, setup.Environment{{Name: "STRANGE", Value: strange}}.Script()))
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `. "$0"; printf %s "$STRANGE"`, path).Output()
	require.NoError(t, err)
	require.Equal(t, strange, string(out))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

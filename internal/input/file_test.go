package input_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/input"
)

func TestAFileThatNeverEndsIsNotReadToItsEnd(t *testing.T) {
	_, err := input.ReadFile("/dev/zero")
	require.ErrorContains(t, err, "/dev/zero has more than 4194304 bytes")
	_, err = input.ReadFile(t.TempDir())
	require.Error(t, err)
	_, err = input.ReadFile(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	path := filepath.Join(t.TempDir(), "whole")
	require.NoError(t, os.WriteFile(path, make([]byte, 4<<20), 0o600))
	content, err := input.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, content, 4<<20)
}

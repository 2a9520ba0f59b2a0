package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/durable"
)

func fill(content string) func(*os.File) error {
	return func(f *os.File) error { _, err := f.WriteString(content); return err }
}

func TestWriteNewMakesAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	require.NoError(t, durable.WriteNew(path, fill("content")))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "content", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	requireOnly(t, path)
}

func TestWriteNewReplacesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new")
	err := durable.WriteNew(path, func(f *os.File) error {
		// Another program is faster.
		return errors.Join(fill("mine")(f), os.WriteFile(path, []byte("other"), 0o600))
	})
	require.ErrorIs(t, err, os.ErrExist)
	require.ErrorIs(t, durable.WriteNew(path, fill("mine")), os.ErrExist)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "other", string(content))
	requireOnly(t, path)
}

func TestWriteNewLeavesNothingOfAFailure(t *testing.T) {
	dir := t.TempDir()
	oops := errors.New("oops")
	require.ErrorIs(t, durable.WriteNew(filepath.Join(dir, "new"), func(*os.File) error { return oops }), oops)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestSyncFolderNeedsAFolder(t *testing.T) {
	require.NoError(t, durable.SyncFolder(t.TempDir()))
	require.ErrorIs(t, durable.SyncFolder(filepath.Join(t.TempDir(), "missing")), os.ErrNotExist)
}

// requireOnly requires that the folder of path holds nothing else.
func requireOnly(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

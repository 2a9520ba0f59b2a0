package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
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
	require.Empty(t, entries(t, dir))
}

// The caller never named the temporary file, and so does not know its name.
func TestErrorsAreAboutTheFileThatWasAskedFor(t *testing.T) {
	folder := t.TempDir()
	for name, tc := range map[string]struct {
		path  string
		write func(*os.File) error
		want  string
	}{
		"no folder": {
			filepath.Join(folder, "none", "new"), fill(""),
			"DIR/none/new: the folder DIR/none must be created first: no such file or directory",
		},
		"a file for a folder": {"/dev/null/new", fill(""), "/dev/null/new: not a directory"},
		"a failed write": {filepath.Join(folder, "new"), func(f *os.File) error {
			return fmt.Errorf("copying: %w", &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC})
		}, "DIR/new: no space left on device"},
		"a failed read of another file": {filepath.Join(folder, "new"), func(*os.File) error {
			_, err := os.Open("/none")
			return err
		}, "open /none: no such file or directory"},
		"a file of the same name": {filepath.Join(folder, "new"), func(*os.File) error {
			return os.Mkdir(filepath.Join(folder, "new"), 0o700)
		}, "DIR/new: file exists"},
	} {
		t.Run(name, func(t *testing.T) {
			err := durable.WriteNew(tc.path, tc.write)
			require.EqualError(t, err, strings.ReplaceAll(tc.want, "DIR", folder))
			_ = os.Remove(filepath.Join(folder, "new"))
			require.Empty(t, entries(t, folder))
		})
	}
}

func entries(t *testing.T, folder string) []os.DirEntry {
	t.Helper()
	all, err := os.ReadDir(folder)
	require.NoError(t, err)
	return all
}

func TestSyncFolderNeedsAFolder(t *testing.T) {
	require.NoError(t, durable.SyncFolder(t.TempDir()))
	require.ErrorIs(t, durable.SyncFolder(filepath.Join(t.TempDir(), "missing")), os.ErrNotExist)
}

// requireOnly requires that the folder of path holds nothing else.
func requireOnly(t *testing.T, path string) {
	t.Helper()
	require.Len(t, entries(t, filepath.Dir(path)), 1)
}

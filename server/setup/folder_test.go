package setup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// begin returns a service that is ready to be installed, and the path of its folder, which does not exist yet.
func begin(t *testing.T) (*service, string) {
	t.Helper()
	above, err := os.MkdirTemp("", "init-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(above)) })
	dir := filepath.Join(above, "kms")
	s, err := newServer(Options{Dir: dir, Now: time.Now()})
	require.NoError(t, err)
	return s, dir
}

func TestAFailureHalfwayLeavesNothing(t *testing.T) {
	s, dir := begin(t)
	f, err := makeFolder(dir)
	require.NoError(t, err)
	s.made.ConfigFile = filepath.Join(dir, "missing") // It is read at the end.
	require.ErrorIs(t, s.install(f), os.ErrNotExist)
	require.NoError(t, f.close())
	require.NoDirExists(t, dir)
}

func TestWhatAppearsMeanwhileIsNeitherReplacedNorRemoved(t *testing.T) {
	for name, appear := range map[string]func(path, target string) error{
		"a file": func(path, _ string) error { return os.WriteFile(path, []byte("other"), 0o600) },
		"a link": func(path, target string) error { return os.Symlink(target, path) },
	} {
		t.Run(name, func(t *testing.T) {
			s, dir := begin(t)
			target := filepath.Join(filepath.Dir(dir), "target")
			require.NoError(t, os.WriteFile(target, []byte("other"), 0o600))
			require.NoError(t, os.Mkdir(dir, 0o700))
			f, err := makeFolder(dir)
			require.NoError(t, err)
			path := filepath.Join(dir, configName)
			require.NoError(t, appear(path, target))
			require.ErrorIs(t, s.install(f), os.ErrExist)
			require.NoError(t, f.close())

			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "other", string(content))
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, left, 1)
		})
	}
}

func TestOfTwoThatFillAFolderOneSucceeds(t *testing.T) {
	const both = 2
	for range 20 {
		_, dir := begin(t)
		results := make(chan error, both)
		for range both {
			go func() {
				_, err := Init(Options{Dir: dir, Now: time.Now()})
				results <- err
			}()
		}
		one, other := <-results, <-results
		require.NotEqual(t, one == nil, other == nil, "%v, %v", one, other)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, 8)
	}
}

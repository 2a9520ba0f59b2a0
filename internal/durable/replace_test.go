package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
)

// replaceable makes a file with the content "old", and one with "new" to replace it.
func replaceable(t *testing.T) (path, next string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file")
	next = path + ".next"
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f, err := durable.Create(next)
	require.NoError(t, err)
	require.NoError(t, fill("new")(f))
	require.NoError(t, f.Close())
	return path, next
}

func requireContent(t *testing.T, path, want string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(content), path)
}

func TestAReplacedFileIsKept(t *testing.T) {
	path, next := replaceable(t)
	kept, err := durable.Replace(path, next, nil)
	require.NoError(t, err)
	require.Equal(t, path+".replaced-1", kept)
	requireContent(t, path, "new")
	requireContent(t, kept, "old")
	require.NoFileExists(t, next)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, os.WriteFile(next, []byte("newer"), 0o600))
	kept, err = durable.Replace(path, next, nil)
	require.NoError(t, err)
	require.Equal(t, path+".replaced-2", kept)
	requireContent(t, kept, "new")
	requireContent(t, path+".replaced-1", "old")
}

func TestAPathLeadsToAWholeFileAfterEachStep(t *testing.T) {
	path, next := replaceable(t)
	want := map[string]string{
		"it has its owner": "old", "the old file has a second name": "old", "the new file is in place": "new",
	}
	_, err := durable.Replace(path, next, func(step string) {
		requireContent(t, path, want[step])
		delete(want, step)
	})
	require.NoError(t, err)
	require.Empty(t, want)
}

func TestTheSecondNameThatAProcessGaveBeforeItDiedIsUsed(t *testing.T) {
	path, next := replaceable(t)
	require.NoError(t, os.WriteFile(path+".replaced-1", []byte("old"), 0o600)) // Another file, though the same content.
	require.NoError(t, os.Link(path, path+".replaced-2"))
	kept, err := durable.Replace(path, next, nil)
	require.NoError(t, err)
	require.Equal(t, path+".replaced-2", kept)
}

func TestAFileThatCanNotBeReplacedStaysAsItIs(t *testing.T) {
	path, next := replaceable(t)
	require.NoError(t, os.Remove(next))
	_, err := durable.Replace(path, next, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	requireContent(t, path, "old")
	requireOnly(t, path)
}

func TestANewFileGetsTheOwnerOfTheOldOne(t *testing.T) {
	path, next := replaceable(t)
	const someone = 12345
	if err := os.Chown(path, someone, someone); err != nil {
		t.Skip("only root can give files away: ", err)
	}
	_, err := durable.Replace(path, next, nil)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	owner := info.Sys().(*syscall.Stat_t)
	require.EqualValues(t, someone, owner.Uid)
	require.EqualValues(t, someone, owner.Gid)
}

func TestWhatADeadProcessHasLeftIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "staged")
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("other"), 0o644))
	require.NoError(t, os.Symlink(other, path))
	f, err := durable.Create(path)
	require.NoError(t, err)
	require.NoError(t, fill("mine")(f))
	require.NoError(t, f.Close())
	requireContent(t, path, "mine")
	requireContent(t, other, "other")
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

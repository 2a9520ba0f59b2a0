package unixsocket_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/unixsocket"
)

// newPath returns a path that is short enough for a socket.
func newPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "sock")
}

func listen(t *testing.T, path string) *unixsocket.Listener {
	t.Helper()
	l, err := unixsocket.Listen(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// leaveBehind makes a socket as a killed process leaves it.
func leaveBehind(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
}

func TestASocketIsForItsUserAloneAndGoneAfterwards(t *testing.T) {
	path := newPath(t)
	l := listen(t, path)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o600, info.Mode())
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.True(t, l.Intact())
	require.NoError(t, l.Close())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestASocketThatIsLeftBehindIsReplacedAndOneInUseIsNot(t *testing.T) {
	path := newPath(t)
	leaveBehind(t, path)
	l := listen(t, path)
	_, err := unixsocket.Listen(path)
	require.ErrorContains(t, err, "in use by another process")
	require.True(t, l.Intact())
	require.NoError(t, unixsocket.Check(path), "whether it is in use is not what it says")
}

func TestWhatIsNoSocketStays(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"a file":   func(path string) error { return os.WriteFile(path, []byte("precious"), 0o600) },
		"a folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"a fifo":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to nothing": func(path string) error {
			return os.Symlink(path+".elsewhere", path)
		},
		"a link to a socket": func(path string) error {
			leaveBehind(t, path+".elsewhere")
			return os.Symlink(path+".elsewhere", path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			require.NoError(t, put(path))
			before, err := os.Lstat(path)
			require.NoError(t, err)
			require.ErrorContains(t, unixsocket.Check(path), "is not a socket")
			_, err = unixsocket.Listen(path)
			require.ErrorContains(t, err, "is not a socket")
			after, err := os.Lstat(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

func TestAFolderThatIsMissingIsAnError(t *testing.T) {
	_, err := unixsocket.Listen(filepath.Join(filepath.Dir(newPath(t)), "missing", "sock"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A user that may replace the socket gets what its clients send.
func TestASocketIsNotMadeWhereOthersMayReplaceIt(t *testing.T) {
	for mode, refused := range map[os.FileMode]bool{
		0o700: false, 0o755: false, 0o770: false, 0o777: true, 0o702: true, 0o777 | os.ModeSticky: false,
	} {
		path := newPath(t)
		require.NoError(t, os.Chmod(filepath.Dir(path), mode))
		if refused {
			require.ErrorIs(t, unixsocket.Check(path), unixsocket.ErrExposed, mode)
			_, err := unixsocket.Listen(path)
			require.ErrorIs(t, err, unixsocket.ErrExposed, mode)
			continue
		}
		require.NoError(t, unixsocket.Check(path), mode)
		require.NoError(t, listen(t, path).Close(), mode)
	}
}

// Several processes may start at once. One that finds its socket replaced must leave the other's alone.
func TestNobodyRemovesTheSocketOfAnother(t *testing.T) {
	path := newPath(t)
	const many = 8
	for range 50 {
		made := make(chan *unixsocket.Listener, many)
		for range many {
			go func() {
				l, err := unixsocket.Listen(path)
				if err != nil {
					l = nil
				}
				made <- l
			}()
		}
		var all, intact, replaced []*unixsocket.Listener
		for range many {
			all = append(all, <-made)
		}
		for _, l := range all {
			switch {
			case l == nil:
			case l.Intact():
				intact = append(intact, l)
			default:
				replaced = append(replaced, l)
			}
		}
		require.Len(t, intact, 1)
		for _, l := range replaced {
			require.NoError(t, l.Close())
		}
		require.True(t, intact[0].Intact())
		require.NoError(t, intact[0].Close())
	}
}

func TestARemovedSocketIsNoticedAndNoErrorToClose(t *testing.T) {
	path := newPath(t)
	l := listen(t, path)
	require.NoError(t, os.Remove(path))
	require.False(t, l.Intact())
	require.NoError(t, os.WriteFile(path, []byte("somebody else's"), 0o600))
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	require.ErrorIs(t, l.Close(), net.ErrClosed)
}

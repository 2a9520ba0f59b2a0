package bolt_test

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// A restore holds the lock of the old file while it puts the new one in its place. A process that has opened the old
// file meanwhile, and waits for the lock, must not use it: everything that it writes would be lost.
func TestAnOpenedFileIsTheOneThatThePathLeadsTo(t *testing.T) {
	path, replacement := newPath(t), newPath(t)
	for _, p := range []string{path, replacement} {
		s, err := bolt.Open(p, store.Options{})
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	release, err := bolt.Lock(path)
	require.NoError(t, err)
	opened := make(chan error)
	go func() {
		s, err := bolt.Open(path, store.Options{})
		if err == nil {
			err = put(t, s, "key", "value")
		}
		if s != nil {
			_ = s.Close()
		}
		opened <- err
	}()
	// Give it time to open the old file. If it is slower, it opens the new one, which is also right.
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, os.Rename(replacement, path))
	require.NoError(t, release())
	if err := <-opened; err != nil {
		require.ErrorIs(t, err, store.ErrLocked)
		return
	}
	require.Equal(t, map[string]string{"key": "value"}, contents(t, open(t, path, store.Options{})))
}

// A child that another thread is just forking shares the open file, and so its lock, until it executes another program.
func TestALockThatIsGivenUpSoonIsWaitedFor(t *testing.T) {
	path := newPath(t)
	s, err := bolt.Open(path, store.Options{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	copied, err := os.Open(path)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(copied.Fd()), syscall.LOCK_EX))
	synctest.Test(t, func(t *testing.T) { // Otherwise a busy machine might be late by as long as Lock waits.
		time.AfterFunc(100*time.Millisecond, func() { _ = copied.Close() })
		release, err := bolt.Lock(path)
		require.NoError(t, err)
		require.NoError(t, release())
	})
}

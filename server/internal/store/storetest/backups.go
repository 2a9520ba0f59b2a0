package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// backups is about [store.Store.Backup].
var backups = []promise{
	{"a backup opens as a bbolt archive and store", backupOpensAsBolt},
	{"a backup is one state while writes go on", backupIsOneState},
	{"a backup ends with its context and its writer", backupEndsEarly},
}

func backupOpensAsBolt(t *testing.T, e Engine) {
	s := e.opened(t)
	for i := range 200 {
		require.NoError(t, put(t, s, fmt.Sprintf("k%03d", i), strings.Repeat("v", i)))
	}
	require.NoError(t, put(t, s, "big", strings.Repeat("v", store.MaxValue)))
	require.NoError(t, put(t, s, strings.Repeat("k", store.MaxKey), ""))
	path := backUp(t, s)
	require.Equal(t, contents(t, s), archived(t, path))

	again, err := bolt.Open(path, store.Options{})
	require.NoError(t, err)
	require.Equal(t, contents(t, s), contents(t, again))
	require.NoError(t, put(t, again, "new", "v"))
	require.NoError(t, again.Close())
}

// backUp writes a backup to a new file and returns its path.
func backUp(t *testing.T, s store.Store) string {
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	require.NoError(t, err)
	require.NoError(t, errors.Join(s.Backup(t.Context(), f), f.Close()))
	return f.Name()
}

// archived reads an archive, which must be intact.
func archived(t *testing.T, path string) map[string]string {
	a, err := bolt.OpenArchive(path)
	require.NoError(t, err)
	require.NoError(t, a.Verify(t.Context(), func(fault error) bool { t.Error(fault); return true }))
	all := contents(t, a)
	require.NoError(t, a.Close())
	return all
}

func backupIsOneState(t *testing.T, e Engine) {
	s := e.opened(t)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				err := s.Update(t.Context(), func(w store.Writer) error {
					return errors.Join(increment(w, "counter"),
						w.Put(fmt.Sprintf("left/%d/%d", n, i), nil), w.Put(fmt.Sprintf("right/%d/%d", n, i), nil))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 5 {
		acknowledged := len(contents(t, s))
		all := archived(t, backUp(t, s))
		left, right := 0, 0
		for key := range all {
			switch {
			case strings.HasPrefix(key, "left/"):
				left++
			case strings.HasPrefix(key, "right/"):
				right++
			}
		}
		require.Equal(t, left, right, "half an update is in the backup")
		if left > 0 {
			require.Equal(t, fmt.Sprint(left), all["counter"])
		}
		require.GreaterOrEqual(t, len(all), acknowledged)
	}
	stop()
	wg.Wait()
}

func backupEndsEarly(t *testing.T, e Engine) {
	s := e.opened(t)
	require.NoError(t, put(t, s, "k", "v"))
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, s.Backup(ended, io.Discard), context.Canceled)
	require.ErrorIs(t, s.Backup(t.Context(), failingWriter{}), errDisk)
	require.NoError(t, put(t, s, "k", "v"), "the store is none the worse")
}

// failingWriter fails as a full disk does.
type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }

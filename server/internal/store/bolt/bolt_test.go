package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/storetest"
)

// openIn is how the suite opens a store.
func openIn(folder string, o store.Options) (store.Store, error) {
	return bolt.Open(filepath.Join(folder, "kms.db"), o)
}

func TestThePromisesOfTheInterface(t *testing.T) {
	storetest.Run(t, storetest.Engine{Open: openIn, Bubble: true})
}

// The suite uses only re-runnable functions, and the wrapper that checks this keeps the promises too.
func TestThePromisesHoldForFunctionsThatRunTwice(t *testing.T) {
	storetest.Run(t, storetest.Engine{Twice: true, Open: func(folder string, o store.Options) (store.Store, error) {
		s, err := openIn(folder, o)
		if err != nil {
			return nil, err
		}
		return storetest.Twice(s), nil
	}})
}

func TestTwiceKeepsTheSecondRunAlone(t *testing.T) {
	path := newPath(t)
	s := storetest.Twice(open(t, path, store.Options{}))
	runs := 0
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
		runs++
		return w.Put(fmt.Sprint("run ", runs), nil)
	}))
	require.Equal(t, map[string]string{"run 2": ""}, contents(t, s))
}

func open(t testing.TB, path string, o store.Options) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "kms.db") }

func put(t testing.TB, s store.Store, key, value string) error {
	t.Helper()
	return s.Update(t.Context(), func(w store.Writer) error { return w.Put(key, []byte(value)) })
}

// contents reads the whole store.
func contents(t testing.TB, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(key string, value []byte) (bool, error) {
			all[key] = string(value)
			return true, nil
		})
	}))
	return all
}

func TestUpdatesThatWriteNothingNeedNoCommit(t *testing.T) {
	commits := 0
	s := open(t, newPath(t), store.Options{Commit: func(_ int, commit func() error) error {
		commits++
		return commit()
	}})
	require.NoError(t, s.Update(t.Context(), func(store.Writer) error { return nil }))
	require.Error(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Put("k", nil))
		return errors.New("oops")
	}))
	require.Zero(t, commits)
	require.NoError(t, put(t, s, "k", "v"))
	require.Equal(t, 1, commits)
}

// TestUpdatesRunInTheOrderInWhichTheyWait runs in a bubble, where synctest.Wait returns once an update waits for its
// turn.
func TestUpdatesRunInTheOrderInWhichTheyWait(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		reached, opened := make(chan struct{}), make(chan struct{})
		first := sync.OnceFunc(func() { close(reached); <-opened })
		s := open(t, path, store.Options{Commit: func(_ int, commit func() error) error { first(); return commit() }})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "writers", "")) })
		<-reached
		want := ""
		for i := range 64 {
			want += fmt.Sprint(i, " ")
			wg.Go(func() {
				require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
					value, err := w.Get("writers")
					require.NoError(t, err)
					return w.Put("writers", fmt.Append(value, i, " "))
				}))
			})
			synctest.Wait()
		}
		close(opened)
		wg.Wait()
		require.Equal(t, want, contents(t, s)["writers"])
	})
}

// endsLate is a context that has not ended when Err is first called, and has ended after that.
type endsLate struct {
	context.Context
	asked int
}

func (c *endsLate) Err() error {
	if c.asked++; c.asked > 1 {
		return context.Canceled
	}
	return nil
}

func TestAnUpdateCancelledJustBeforeItsTurnIsNotRun(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	err := s.Update(&endsLate{Context: t.Context()}, func(store.Writer) error { panic("it was run") })
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, put(t, s, "k", "v"))
}

func TestTheFileIsPrivate(t *testing.T) {
	path := newPath(t)
	s := open(t, path, store.Options{})
	requireMode(t, path, 0o600)
	require.NoError(t, s.Close())

	require.NoError(t, os.Chmod(path, 0o644))
	open(t, path, store.Options{})
	requireMode(t, path, 0o600)
}

func requireMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode().Perm())
}

func TestASecondOpenerGetsErrLocked(t *testing.T) {
	path := newPath(t)
	open(t, path, store.Options{})
	_, err := bolt.Open(path, store.Options{})
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, path)
}

func TestOpenRefusesWhatIsNotAStore(t *testing.T) {
	dir := t.TempDir()
	_, err := bolt.Open(filepath.Join(dir, "missing", "kms.db"), store.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, filepath.Join(dir, "missing"))

	_, err = bolt.Open(dir, store.Options{})
	require.Error(t, err)

	garbage := filepath.Join(dir, "garbage")
	require.NoError(t, os.WriteFile(garbage, []byte(strings.Repeat("not a store ", 5000)), 0o600))
	_, err = bolt.Open(garbage, store.Options{})
	require.ErrorContains(t, err, garbage)
	kept, err := os.ReadFile(garbage)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("not a store ", 5000), string(kept), "it is not overwritten")
}

package storetest

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// failures is about commits that fail.
var failures = []promise{
	{"after a failed commit the store only reads", failedCommitEndsWrites},
	{"a failed commit fails all that share it", failedCommitFailsAll},
}

var errDisk = errors.New("disk on fire")

// failedCommits are the ways in which a commit can fail, and whether its writes are durable then.
var failedCommits = map[string]struct {
	commit  func(commit func() error) error
	durable bool
}{
	"it fails":                 {func(func() error) error { return errDisk }, false},
	"it fails but is durable":  {func(commit func() error) error { return errors.Join(commit(), errDisk) }, true},
	"it panics":                {func(func() error) error { panic(errDisk.Error()) }, false},
	"it panics but is durable": {func(commit func() error) error { _ = commit(); panic(errDisk.Error()) }, true},
}

func failedCommitEndsWrites(t *testing.T, e Engine) {
	for name, failed := range failedCommits {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			var log testlog.Buffer
			commits := 0
			s := e.open(t, folder, store.Options{
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Commit: func(_ int, commit func() error) error {
					if commits++; commits == 3 {
						return failed.commit(commit)
					}
					return commit()
				},
			})
			require.NoError(t, put(t, s, "a", "1"))
			require.NoError(t, put(t, s, "b", "2"))
			require.NoError(t, s.Err())
			for _, attempt := range []string{"the failed commit", "a later update"} {
				err := put(t, s, "c", "3")
				require.ErrorIs(t, err, store.ErrReadOnly, attempt)
				require.ErrorContains(t, err, errDisk.Error(), attempt)
			}
			require.ErrorIs(t, s.Err(), store.ErrReadOnly)
			require.Equal(t, 3, commits, "it does not try again")
			require.Contains(t, log.String(), errDisk.Error())
			require.Equal(t, "2", contents(t, s)["b"], "reads go on")
			require.NoError(t, s.Close())

			want := map[string]string{"a": "1", "b": "2"}
			if failed.durable {
				want["c"] = "3"
			}
			s = e.open(t, folder, store.Options{})
			require.Equal(t, want, contents(t, s))
			require.NoError(t, put(t, s, "d", "4"), "opened again, it writes again")
		})
	}
}

func failedCommitFailsAll(t *testing.T, e Engine) {
	e.concurrently(t, func(t *testing.T, folder string, settle func()) {
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: func(updates int, commit func() error) error {
			if err := g.commit(updates, commit); err != nil || len(g.sizes) == 1 {
				return err
			}
			return errDisk
		}})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "first", "")) })
		<-g.reached
		for i := range 10 {
			wg.Go(func() {
				// Updates that refuse have seen writes that are lost, so their refusal does not count either.
				err := s.Update(t.Context(), func(w store.Writer) error {
					require.NoError(t, w.Put(fmt.Sprint(i), nil))
					if e.Bubble && i%2 == 0 {
						return errUndo
					}
					return nil
				})
				require.ErrorIs(t, err, store.ErrReadOnly)
				require.ErrorIs(t, err, errDisk)
			})
		}
		settle()
		close(g.open)
		wg.Wait()
		e.requireShared(t, g, 10)
	})
}

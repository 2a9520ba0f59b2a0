package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// commits is about functions that updates schedule for after their commit.
var commits = []promise{
	{"what is to run on commit runs in order, before the update returns", onCommitRunsInOrder},
	{"what is to run on commit does not run if the update is undone or its commit fails", onCommitNeedsACommit},
}

// log records what ran on commit.
type log struct {
	mu  sync.Mutex
	ran []string
}

func (l *log) add(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ran = append(l.ran, what)
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ran)
}

func onCommitRunsInOrder(t *testing.T, e Engine) {
	e.concurrently(t, func(t *testing.T, folder string, settle func()) {
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: g.commit})
		var l log
		count := func() {
			var mine string
			require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
				if err := increment(w, "n"); err != nil {
					return err
				}
				value, err := w.Get("n")
				mine = string(value)
				w.OnCommit(func() { l.add(mine) })
				return err
			}))
			require.Contains(t, l.all(), mine, "before the update returns")
		}
		var wg sync.WaitGroup
		wg.Go(count)
		<-g.reached
		for range 30 {
			wg.Go(count)
		}
		settle()
		require.Empty(t, l.all(), "nothing is durable yet")
		close(g.open)
		wg.Wait()
		var want []string
		for n := range 31 {
			want = append(want, fmt.Sprint(n+1))
		}
		require.Equal(t, want, l.all(), "in the order in which the updates take effect")
	})
}

func onCommitNeedsACommit(t *testing.T, e Engine) {
	fail := false
	s := e.open(t, t.TempDir(), store.Options{Commit: func(_ int, commit func() error) error {
		if fail {
			return errDisk
		}
		return commit()
	}})
	var l log
	update := func(name string, err error) error {
		return s.Update(t.Context(), func(w store.Writer) error {
			w.OnCommit(func() { l.add(name) })
			require.NoError(t, w.Put(name, nil))
			return err
		})
	}
	require.Equal(t, errUndo, update("undone", errUndo))
	require.Panics(t, func() {
		_ = s.Update(t.Context(), func(w store.Writer) error {
			w.OnCommit(func() { l.add("panicked") })
			panic("oops")
		})
	})
	require.NoError(t, update("kept", nil))
	fail = true
	require.ErrorIs(t, update("failed", nil), store.ErrReadOnly)
	require.Equal(t, []string{"kept"}, l.all())
}

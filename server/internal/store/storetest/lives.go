package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// lives is about opening and closing.
var lives = []promise{
	{"everything is still there after reopening", contentsSurviveReopening},
	{"a closed store refuses transactions", closedStoreRefuses},
	{"Close waits for the commit in progress", closeWaitsForTheCommit},
}

func contentsSurviveReopening(t *testing.T, e Engine) {
	folder := t.TempDir()
	s := e.open(t, folder, store.Options{})
	for i := range 50 {
		require.NoError(t, put(t, s, fmt.Sprintf("k%02d", i), strings.Repeat("v", i)))
	}
	require.NoError(t, s.Update(t.Context(), func(w store.Writer) error { return w.Delete("k07") }))
	before := contents(t, s)
	require.Len(t, before, 49)
	require.NoError(t, s.Close())
	require.Equal(t, before, contents(t, e.open(t, folder, store.Options{})))
}

func closedStoreRefuses(t *testing.T, e Engine) {
	s := e.opened(t)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second Close does nothing")
	require.ErrorIs(t, put(t, s, "k", "v"), store.ErrClosed)
	require.ErrorIs(t, s.View(t.Context(), func(store.Reader) error { return nil }), store.ErrClosed)
	require.ErrorIs(t, s.Backup(t.Context(), &strings.Builder{}), store.ErrClosed)
}

// requireRefusedWhileClosing requires that s refuses an update while its Close waits for a commit. Outside a bubble,
// Close may not have begun yet: until then the update waits for the commit too, so its context ends soon, and it is
// tried again.
func requireRefusedWhileClosing(t *testing.T, s store.Store) {
	t.Helper()
	err := context.DeadlineExceeded
	for errors.Is(err, context.DeadlineExceeded) {
		ctx, cancel := context.WithTimeout(t.Context(), settleTime)
		err = s.Update(ctx, func(w store.Writer) error { return w.Put("k", []byte("late")) })
		cancel()
	}
	require.ErrorIs(t, err, store.ErrClosed)
}

func closeWaitsForTheCommit(t *testing.T, e Engine) {
	folder := ""
	e.concurrently(t, func(t *testing.T, f string, settle func()) {
		folder = f
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: g.commit})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "k", "v")) })
		<-g.reached
		var closed atomic.Bool
		wg.Go(func() {
			require.NoError(t, s.Close())
			closed.Store(true)
		})
		settle()
		requireRefusedWhileClosing(t, s)
		require.False(t, closed.Load())
		close(g.open)
		wg.Wait()
	})
	require.Equal(t, map[string]string{"k": "v"}, contents(t, e.open(t, folder, store.Options{})))
}

// Package storetest tests the promises of package store for any engine: [Run] is the whole suite. [Twice] tests callers
// instead: it shows whether the functions that they pass to Update are re-runnable.
package storetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Engine is an engine under test.
type Engine struct {
	// Open opens the store that belongs to folder, an existing folder of the test, and creates the store if there is
	// none yet.
	Open func(folder string, o store.Options) (store.Store, error)
	// Bubble is set if the engine works in a bubble of testing/synctest, which it does if it waits for nothing outside
	// the process. Then the suite knows which updates wait for a commit, and that all of them share the next one.
	// Otherwise it sleeps, and is less strict.
	Bubble bool
	// Twice is set if Open returns stores of [Twice]. An update then waits a second time, after its first run, and how
	// many of them share a commit depends on the scheduler.
	Twice bool
}

// Run runs the suite. Every function that it passes to Update is re-runnable.
func Run(t *testing.T, e Engine) {
	for _, tests := range [][]promise{order, positions, updates, commits, failures, lives, backups} {
		for _, p := range tests {
			t.Run(p.name, func(t *testing.T) { p.test(t, e) })
		}
	}
}

// promise is one promise of the interface and its test.
type promise struct {
	name string
	test func(t *testing.T, e Engine)
}

// open opens a store that is closed at the end of the test.
func (e Engine) open(t testing.TB, folder string, o store.Options) store.Store {
	t.Helper()
	s, err := e.Open(folder, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// opened opens a new store.
func (e Engine) opened(t testing.TB) store.Store {
	t.Helper()
	return e.open(t, t.TempDir(), store.Options{})
}

// settleTime is how long updates have, outside a bubble, to reach the point where they wait for a commit.
const settleTime = 20 * time.Millisecond

// concurrently runs test. The settle that it passes returns once every goroutine that the test has started is waiting.
func (e Engine) concurrently(t *testing.T, test func(t *testing.T, folder string, settle func())) {
	folder := t.TempDir()
	if !e.Bubble {
		test(t, folder, func() { time.Sleep(settleTime) })
		return
	}
	synctest.Test(t, func(t *testing.T) { test(t, folder, synctest.Wait) })
}

// gate is a [store.Options.Commit] that holds up the first commit until it is opened, and records the size of each.
type gate struct {
	reached, open chan struct{}
	// sizes belongs to the goroutine that commits; the test reads it when no update is in progress.
	sizes []int
}

func newGate() *gate { return &gate{reached: make(chan struct{}), open: make(chan struct{})} }

func (g *gate) commit(updates int, commit func() error) error {
	g.sizes = append(g.sizes, updates)
	if len(g.sizes) == 1 {
		close(g.reached)
		<-g.open
	}
	return commit()
}

// requireShared requires that one update was committed first, and then n together. Outside a bubble, it requires only
// that many updates took far fewer commits, unless each runs twice.
func (e Engine) requireShared(t *testing.T, g *gate, n int) {
	t.Helper()
	if e.Bubble {
		require.Equal(t, []int{1, n}, g.sizes)
		return
	}
	if n >= 20 && !e.Twice {
		require.Less(t, len(g.sizes), n/2, "updates that wait share commits")
	}
}

func put(t testing.TB, s store.Store, key, value string) error {
	t.Helper()
	return s.Update(t.Context(), func(w store.Writer) error { return w.Put(key, []byte(value)) })
}

// viewer is a store or an archive.
type viewer interface {
	View(ctx context.Context, fn func(store.Reader) error) error
}

// contents reads everything.
func contents(t testing.TB, s viewer) map[string]string {
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

var errUndo = errors.New("undo it")

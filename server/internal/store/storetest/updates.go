package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// updates is about updates that run at the same time, and what other transactions see of them.
var updates = []promise{
	{"updates that wait share a commit", waitingUpdatesShareACommit},
	{"an update sees those before it in the same commit", updateSeesThoseBeforeIt},
	{"an update that ends early is undone alone", updateIsUndoneAlone},
	{"an update of many writes is atomic", bigUpdateIsAtomic},
	{"an update applies once and is seen whole", updatesApplyOnceAndWhole},
	{"a view sees one state", viewSeesOneState},
	{"a cancelled update is not run", cancelledUpdateIsNotRun},
}

func waitingUpdatesShareACommit(t *testing.T, e Engine) {
	e.concurrently(t, func(t *testing.T, folder string, settle func()) {
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: g.commit})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "first", "")) })
		<-g.reached
		for i := range 64 {
			wg.Go(func() {
				err := s.Update(t.Context(), func(w store.Writer) error {
					require.NoError(t, w.Put(fmt.Sprintf("k%02d", i), nil))
					require.NoError(t, w.Put("last writer", fmt.Append(nil, i)))
					if i%4 == 0 {
						return errUndo
					}
					return nil
				})
				if i%4 == 0 {
					require.Equal(t, errUndo, err)
				} else {
					require.NoError(t, err)
				}
			})
		}
		settle()
		close(g.open)
		wg.Wait()
		e.requireShared(t, g, 64)

		all := contents(t, s)
		require.Len(t, all, 2+48, "each failed update is undone, and only that one")
		last, err := strconv.Atoi(all["last writer"])
		require.NoError(t, err)
		require.NotZero(t, last%4)
		for i := range 64 {
			_, exists := all[fmt.Sprintf("k%02d", i)]
			require.Equal(t, i%4 != 0, exists, i)
		}
	})
}

func updateSeesThoseBeforeIt(t *testing.T, e Engine) {
	e.concurrently(t, func(t *testing.T, folder string, settle func()) {
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: g.commit})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "n", "")) })
		<-g.reached
		for range 20 {
			wg.Go(func() {
				require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
					value, err := w.Get("n")
					require.NoError(t, err)
					return w.Put("n", append(value, '+'))
				}))
			})
		}
		wg.Go(func() {
			require.PanicsWithValue(t, "oops", func() {
				_ = s.Update(t.Context(), func(w store.Writer) error {
					require.NoError(t, w.Put("n", []byte("gone")))
					panic("oops")
				})
			})
		})
		settle()
		require.Empty(t, contents(t, s), "nothing is seen before it is durable")
		close(g.open)
		wg.Wait()
		e.requireShared(t, g, 21)
		require.Equal(t, map[string]string{"n": strings.Repeat("+", 20)}, contents(t, s))
	})
}

// earlyEnds are the ways in which a function can end without success. A test runs each between updates that succeed and
// share its commit: otherwise there would be nothing to keep, and the whole commit would be dropped.
var earlyEnds = map[string]struct {
	end  func() error
	want func(t *testing.T, update func() error)
}{
	"by an error, which is returned": {
		func() error { return errUndo },
		func(t *testing.T, update func() error) { require.Equal(t, errUndo, update()) },
	},
	"by a panic, which goes on in the caller": {
		func() error { panic("oops") },
		func(t *testing.T, update func() error) {
			require.PanicsWithValue(t, "oops", func() { _ = update() })
		},
	},
	"by the end of its goroutine": {
		func() error { runtime.Goexit(); return nil },
		func(t *testing.T, update func() error) {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_ = update()
			}()
			<-ended
		},
	},
}

func updateIsUndoneAlone(t *testing.T, e Engine) {
	for name, early := range earlyEnds {
		t.Run(name, func(t *testing.T) {
			e.concurrently(t, func(t *testing.T, folder string, settle func()) {
				g := newGate()
				s := e.open(t, folder, store.Options{Commit: g.commit})
				before := map[string]string{"kept": "1", "deleted": "2", "empty": ""}
				var wg sync.WaitGroup
				wg.Go(func() {
					require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
						return putAll(w, before)
					}))
				})
				<-g.reached
				for _, update := range []func(){
					func() { require.NoError(t, put(t, s, "before", "")) },
					func() {
						early.want(t, func() error {
							return s.Update(t.Context(), func(w store.Writer) error {
								scribble(t, w)
								return early.end()
							})
						})
					},
					func() { require.NoError(t, put(t, s, "after", "")) },
				} {
					wg.Go(update)
					settle()
				}
				close(g.open)
				wg.Wait()
				e.requireShared(t, g, 3)
				before["before"], before["after"] = "", ""
				require.Equal(t, before, contents(t, s))
			})
		})
	}
}

func putAll(w store.Writer, values map[string]string) error {
	for key, value := range values {
		if err := w.Put(key, []byte(value)); err != nil {
			return err
		}
	}
	return nil
}

// scribble overwrites and deletes keys, some more than once.
func scribble(t *testing.T, w store.Writer) {
	require.NoError(t, w.Put("new", []byte("x")))
	require.NoError(t, w.Put("kept", []byte("x")))
	require.NoError(t, w.Put("kept", []byte("y")))
	require.NoError(t, w.Delete("deleted"))
	require.NoError(t, w.Delete("empty"))
	require.NoError(t, w.Put("empty", []byte("x")))
	require.NoError(t, w.Delete("new"))
	require.NoError(t, w.Put("new", []byte("z")))
	require.NoError(t, w.Delete("before"))
}

func bigUpdateIsAtomic(t *testing.T, e Engine) {
	s := e.opened(t)
	rewrite := func(value string, err error) error {
		return s.Update(t.Context(), func(w store.Writer) error {
			for i := range 3000 {
				require.NoError(t, w.Put(fmt.Sprintf("k/%04d", i), []byte(strings.Repeat(value, 1000))))
			}
			return err
		})
	}
	require.NoError(t, rewrite("a", nil))
	before := contents(t, s)
	require.Len(t, before, 3000)
	require.Equal(t, errUndo, rewrite("b", errUndo))
	require.Equal(t, before, contents(t, s))
}

func updatesApplyOnceAndWhole(t *testing.T, e Engine) {
	s := e.opened(t)
	const writers, rounds = 16, 20
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := range rounds {
				err := s.Update(t.Context(), func(w store.Writer) error {
					return errors.Join(increment(w, "counter"),
						w.Put(fmt.Sprintf("left/%d/%d", n, i), nil), w.Put(fmt.Sprintf("right/%d/%d", n, i), nil))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				if l, r := countSides(t, s); l != r {
					t.Errorf("half an update was seen: %d on the left, %d on the right", l, r)
				}
			}
		})
	}
	wg.Wait()
	all := contents(t, s)
	require.Len(t, all, 1+2*writers*rounds)
	require.Equal(t, strconv.Itoa(writers*rounds), all["counter"])
}

func increment(w store.Writer, key string) error {
	value, err := w.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		value, err = []byte("0"), nil
	}
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(value))
	return errors.Join(err, w.Put(key, strconv.AppendInt(nil, int64(n+1), 10)))
}

// countSides counts the keys that begin with "left/" and with "right/" in one view.
func countSides(t *testing.T, s viewer) (left, right int) {
	err := s.View(t.Context(), func(r store.Reader) error {
		count := func(n *int) func(string, []byte) (bool, error) {
			return func(string, []byte) (bool, error) { *n++; return true, nil }
		}
		return errors.Join(r.Scan("left/", "", count(&left)), r.Scan("right/", "", count(&right)))
	})
	if err != nil {
		t.Error(err)
	}
	return left, right
}

func viewSeesOneState(t *testing.T, e Engine) {
	s := e.opened(t)
	// An engine that maps its file may have to wait for views before it grows: this leaves free pages in it.
	require.NoError(t, put(t, s, "k", strings.Repeat("old", 100_000)))
	require.NoError(t, put(t, s, "k", "old"))
	require.NoError(t, s.View(t.Context(), func(r store.Reader) error {
		for range 3 {
			value, err := r.Get("k")
			require.NoError(t, err)
			require.Equal(t, "old", string(value))
			_, err = r.Get("added")
			require.ErrorIs(t, err, store.ErrNotFound)
			updated := make(chan error)
			go func() { updated <- errors.Join(put(t, s, "k", "new"), put(t, s, "added", "")) }()
			require.NoError(t, <-updated, "an update does not wait for views")
		}
		return nil
	}))
	want := map[string]string{"k": "new", "added": ""}
	require.Equal(t, want, contents(t, s), "a later view sees what was acknowledged")
}

func cancelledUpdateIsNotRun(t *testing.T, e Engine) {
	e.concurrently(t, func(t *testing.T, folder string, settle func()) {
		g := newGate()
		s := e.open(t, folder, store.Options{Commit: g.commit})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			// Its context ends during its commit, which changes nothing.
			require.NoError(t, s.Update(ctx, func(w store.Writer) error { return w.Put("first", nil) }))
		})
		<-g.reached
		wg.Go(func() {
			require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { panic("it was run") }), context.Canceled)
		})
		settle()
		cancel()
		settle()
		close(g.open)
		wg.Wait()
		require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { panic("it was run") }), context.Canceled)
		require.ErrorIs(t, s.View(ctx, func(store.Reader) error { panic("it was run") }), context.Canceled)
		require.Equal(t, map[string]string{"first": ""}, contents(t, s))
	})
}

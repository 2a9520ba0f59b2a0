package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// gate holds up the first commit until it is opened, and notes the size of every commit.
type gate struct {
	reached, open chan struct{}
	// sizes is written by the store's writer goroutine, and read when no update is in work.
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

// TestUpdatesThatWaitShareACommit runs in a bubble, where synctest.Wait returns once all updates wait for their turn.
func TestUpdatesThatWaitShareACommit(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := open(t, path, store.Options{Commit: g.commit})
		oops := errors.New("oops")
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "first", "")) })
		<-g.reached
		for i := range 64 {
			wg.Go(func() {
				err := s.Update(t.Context(), func(w store.Writer) error {
					require.NoError(t, w.Put(fmt.Sprintf("k%02d", i), nil))
					require.NoError(t, w.Put("last writer", fmt.Append(nil, i)))
					if i%4 == 0 {
						return oops
					}
					return nil
				})
				if i%4 == 0 {
					require.Equal(t, oops, err)
				} else {
					require.NoError(t, err)
				}
			})
			synctest.Wait() // so that they wait in this order
		}
		close(g.open)
		wg.Wait()
		require.Equal(t, []int{1, 64}, g.sizes)

		all := contents(t, s)
		require.Len(t, all, 2+48, "each failed update is undone, and only that one")
		require.Equal(t, "63", all["last writer"])
		for i := range 64 {
			_, there := all[fmt.Sprintf("k%02d", i)]
			require.Equal(t, i%4 != 0, there, i)
		}
	})
}

func TestAnUpdateSeesThoseBeforeItInTheSameCommit(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := open(t, path, store.Options{Commit: g.commit})
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
		synctest.Wait()
		require.Equal(t, map[string]string{}, contents(t, s), "nothing is seen before it is durable")
		close(g.open)
		wg.Wait()
		require.Equal(t, []int{1, 21}, g.sizes)
		require.Equal(t, map[string]string{"n": "++++++++++++++++++++"}, contents(t, s))
	})
}

// TestAnUpdateThatEndsEarlyIsUndoneAlone has each share its commit with an update that succeeds: otherwise there would be
// nothing to keep, and the whole transaction would be dropped.
func TestAnUpdateThatEndsEarlyIsUndoneAlone(t *testing.T) {
	oops := errors.New("oops")
	for name, test := range map[string]struct {
		end  func() error
		want func(t *testing.T, update func() error)
	}{
		"by an error, which is returned": {
			func() error { return oops },
			func(t *testing.T, update func() error) { require.Equal(t, oops, update()) },
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
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				s := open(t, path, store.Options{Commit: g.commit})
				var wg sync.WaitGroup
				wg.Go(func() {
					require.NoError(t, s.Update(t.Context(), func(w store.Writer) error {
						return errors.Join(w.Put("kept", []byte("1")), w.Put("deleted", []byte("2")), w.Put("empty", nil))
					}))
				})
				<-g.reached
				wg.Go(func() { require.NoError(t, put(t, s, "before", "")) })
				synctest.Wait()
				wg.Go(func() {
					test.want(t, func() error {
						return s.Update(t.Context(), func(w store.Writer) error { scribble(t, w); return test.end() })
					})
				})
				synctest.Wait()
				wg.Go(func() { require.NoError(t, put(t, s, "after", "")) })
				synctest.Wait()
				close(g.open)
				wg.Wait()
				require.Equal(t, []int{1, 3}, g.sizes)
				require.Equal(t, map[string]string{"kept": "1", "deleted": "2", "empty": "", "before": "", "after": ""}, contents(t, s))
			})
		})
	}
}

// scribble overwrites and deletes, some keys more than once.
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

func TestUpdatesThatWriteNothingNeedNoCommit(t *testing.T) {
	commits := 0
	s := open(t, newPath(t), store.Options{Commit: func(_ int, commit func() error) error { commits++; return commit() }})
	require.NoError(t, s.Update(t.Context(), func(store.Writer) error { return nil }))
	require.Error(t, s.Update(t.Context(), func(w store.Writer) error {
		require.NoError(t, w.Put("k", nil))
		return errors.New("oops")
	}))
	require.Zero(t, commits)
	require.NoError(t, put(t, s, "k", "v"))
	require.Equal(t, 1, commits)
}

func TestACancelledUpdateIsNotRun(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := open(t, path, store.Options{Commit: g.commit})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			// Its own context ends while it is being committed, and that changes nothing.
			require.NoError(t, s.Update(ctx, func(w store.Writer) error { return w.Put("first", nil) }))
		})
		<-g.reached
		wg.Go(func() {
			require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { panic("it was run") }), context.Canceled)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(g.open)
		wg.Wait()
		require.ErrorIs(t, s.Update(ctx, func(store.Writer) error { panic("it was run") }), context.Canceled)
		require.ErrorIs(t, s.View(ctx, func(store.Reader) error { panic("it was run") }), context.Canceled)
		require.Equal(t, []int{1}, g.sizes)
	})
}

// endsLate is a context that is good when it is asked first, and has ended when it is asked again.
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

func TestCloseWaitsForTheCommitInHand(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		s := open(t, path, store.Options{Commit: g.commit})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "k", "v")) })
		<-g.reached
		var closed atomic.Bool
		wg.Go(func() {
			require.NoError(t, s.Close())
			closed.Store(true)
		})
		synctest.Wait()
		require.False(t, closed.Load())
		require.ErrorIs(t, put(t, s, "k", "late"), store.ErrClosed)
		close(g.open)
		wg.Wait()
	})
	require.Equal(t, map[string]string{"k": "v"}, contents(t, open(t, path, store.Options{})))
}

func TestAfterAFailedCommitTheStoreOnlyReads(t *testing.T) {
	cause := errors.New("disk on fire")
	for name, test := range map[string]struct {
		commit    func(commit func() error) error
		persisted bool
	}{
		"it fails":                         {func(func() error) error { return cause }, false},
		"it fails but is on the disk":      {func(commit func() error) error { return errors.Join(commit(), cause) }, true},
		"it panics":                        {func(func() error) error { panic(cause.Error()) }, false},
		"it panics and yet is on the disk": {func(commit func() error) error { _ = commit(); panic(cause.Error()) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			var log bytes.Buffer
			commits := 0
			s := open(t, path, store.Options{
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Commit: func(_ int, commit func() error) error {
					if commits++; commits == 3 {
						return test.commit(commit)
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
				require.ErrorContains(t, err, cause.Error(), attempt)
			}
			require.ErrorIs(t, s.Err(), store.ErrReadOnly)
			require.Equal(t, 3, commits, "it does not try again")
			require.Contains(t, log.String(), cause.Error())
			require.Equal(t, "2", contents(t, s)["b"], "reads go on")
			require.NoError(t, s.Close())

			want := map[string]string{"a": "1", "b": "2"}
			if test.persisted {
				want["c"] = "3"
			}
			s = open(t, path, store.Options{})
			require.Equal(t, want, contents(t, s))
			require.NoError(t, put(t, s, "d", "4"), "opened anew, it writes again")
		})
	}
}

func TestAFailedCommitFailsAllThatShareIt(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		cause := errors.New("disk on fire")
		s := open(t, path, store.Options{Commit: func(updates int, commit func() error) error {
			if err := g.commit(updates, commit); err != nil || updates == 1 {
				return err
			}
			return cause
		}})
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, put(t, s, "first", "")) })
		<-g.reached
		for i := range 10 {
			wg.Go(func() {
				// Those that refuse have seen writes that are lost, so their refusal does not count either.
				err := s.Update(t.Context(), func(w store.Writer) error {
					require.NoError(t, w.Put(fmt.Sprint(i), nil))
					if i%2 == 0 {
						return errors.New("refused")
					}
					return nil
				})
				require.ErrorIs(t, err, store.ErrReadOnly)
				require.ErrorIs(t, err, cause)
			})
		}
		synctest.Wait()
		close(g.open)
		wg.Wait()
		require.Equal(t, []int{1, 10}, g.sizes)
	})
}

func TestParallelUpdatesAndReads(t *testing.T) {
	s := open(t, newPath(t), store.Options{})
	const writers, rounds = 16, 20
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			for i := range rounds {
				err := s.Update(t.Context(), func(w store.Writer) error {
					return errors.Join(w.Put(fmt.Sprintf("left/%d/%d", n, i), nil), w.Put(fmt.Sprintf("right/%d/%d", n, i), nil))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				if l, r := countPrefix(t, s, "left/", "right/"); l != r {
					t.Errorf("half an update was seen: %d on the left, %d on the right", l, r)
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, contents(t, s), 2*writers*rounds)
}

// countPrefix counts the keys of two prefixes in one snapshot.
func countPrefix(t *testing.T, s store.Store, left, right string) (l, r int) {
	err := s.View(t.Context(), func(reader store.Reader) error {
		count := func(n *int) func(string, []byte) (bool, error) {
			return func(string, []byte) (bool, error) { *n++; return true, nil }
		}
		return errors.Join(reader.Scan(left, "", count(&l)), reader.Scan(right, "", count(&r)))
	})
	if err != nil {
		t.Error(err)
	}
	return l, r
}

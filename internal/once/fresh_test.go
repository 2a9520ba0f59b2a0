package once

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// counted counts its calls, and returns the number of each.
func counted() (fetch func() (int, error), calls *atomic.Int64) {
	calls = new(atomic.Int64)
	return func() (int, error) { return int(calls.Add(1)), nil }, calls
}

func TestFreshKeepsAValueForItsSpanOnly(t *testing.T) {
	now := time.Unix(0, 0)
	f := NewFresh[int](time.Minute, func() time.Time { return now })
	fetch, _ := counted()
	get := func(name string) int {
		got, err := f.Get(t.Context(), name, fetch)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, 1, get("a"))
	now = now.Add(time.Minute - 1)
	require.Equal(t, 1, get("a"))
	require.Equal(t, 2, get("b"))
	now = now.Add(1)
	require.Equal(t, 3, get("a"))
	require.Equal(t, 2, get("b"))
	f.ForgetAll()
	require.Equal(t, 4, get("a"))
	require.Equal(t, 5, get("b"))
}

func TestFreshIsAsOldAsTheBeginningOfItsLoad(t *testing.T) {
	now := time.Unix(0, 0)
	f := NewFresh[int](time.Minute, func() time.Time { return now })
	_, err := f.Get(t.Context(), "a", func() (int, error) {
		now = now.Add(time.Minute) // The answer takes as long.
		return 1, nil
	})
	require.NoError(t, err)
	got, err := f.Get(t.Context(), "a", func() (int, error) { return 2, nil })
	require.NoError(t, err)
	require.Equal(t, 2, got)
}

func TestFreshKeepsNoErrors(t *testing.T) {
	f := NewFresh[int](time.Minute, time.Now)
	failure := errors.New("no")
	_, err := f.Get(t.Context(), "a", func() (int, error) { return 0, failure })
	require.ErrorIs(t, err, failure)
	require.Panics(t, func() { f.Get(t.Context(), "a", func() (int, error) { panic("oh") }) })
	got, err := f.Get(t.Context(), "a", func() (int, error) { return 1, nil })
	require.NoError(t, err)
	require.Equal(t, 1, got)
}

func TestFreshLoadIsSharedByThoseThatWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFresh[int](time.Minute, time.Now)
		fetch, calls := counted()
		goOn := make(chan struct{})
		slow := func() (int, error) { <-goOn; return fetch() }
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				got, err := f.Get(t.Context(), "a", slow)
				require.NoError(t, err)
				require.Equal(t, 1, got)
			})
		}
		synctest.Wait()
		close(goOn)
		group.Wait()
		require.EqualValues(t, 1, calls.Load())
	})
}

func TestFreshLoadFromBeforeAChangeServesNobodyAfterIt(t *testing.T) {
	f := NewFresh[int](time.Minute, time.Now)
	old, err := f.Get(t.Context(), "a", func() (int, error) {
		f.ForgetAll() // Something is changed between the answer and its arrival.
		fresh, err := f.Get(t.Context(), "a", func() (int, error) { return 2, nil })
		require.NoError(t, err)
		require.Equal(t, 2, fresh, "a caller after the change does not wait for the old load")
		return 1, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, old)
	got, err := f.Get(t.Context(), "a", func() (int, error) { return 3, nil })
	require.NoError(t, err)
	require.Equal(t, 2, got)
}

func TestFreshLoadWhoseRequestEndsIsDoneAgainByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := NewFresh[int](time.Minute, time.Now)
		first, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			_, err := f.Get(first, "a", func() (int, error) { <-first.Done(); return 0, first.Err() })
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		group.Go(func() {
			got, err := f.Get(t.Context(), "a", func() (int, error) { return 2, nil })
			require.NoError(t, err)
			require.Equal(t, 2, got)
		})
		impatient, leave := context.WithCancel(t.Context())
		group.Go(func() {
			_, err := f.Get(impatient, "a", func() (int, error) { return 3, nil })
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		cancel()
		group.Wait()
	})
}

func TestFreshHasABound(t *testing.T) {
	now := time.Unix(0, 0)
	f := NewFresh[int](time.Minute, func() time.Time { return now })
	fetch, _ := counted()
	fill := func(from, to int) {
		for n := from; n < to; n++ {
			_, err := f.Get(t.Context(), strconv.Itoa(n), fetch)
			require.NoError(t, err)
		}
	}
	fill(0, maxFresh/2)
	now = now.Add(time.Minute)
	fill(maxFresh/2, maxFresh)
	require.Len(t, f.loads, maxFresh)
	fill(maxFresh, maxFresh+1)
	require.Len(t, f.loads, maxFresh/2+1, "what is too old goes first")
	fill(maxFresh+1, maxFresh+maxFresh/2)
	require.Len(t, f.loads, maxFresh)
	fill(0, 1)
	require.Len(t, f.loads, 1, "nothing is too old")
}

package contest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDriveUsesEachNumberOnceUpToTheLimit(t *testing.T) {
	var mu sync.Mutex
	seen := map[int]int{}
	load, err := Drive(t.Context(), 4, time.Hour, 100, func(i int) error {
		mu.Lock()
		defer mu.Unlock()
		seen[i]++
		return nil
	})
	require.NoError(t, err)
	require.Len(t, load.Took, 100)
	require.Len(t, seen, 100)
	for i := range 100 {
		require.Equal(t, 1, seen[i])
	}
	require.Positive(t, load.Rate())
}

func TestDriveEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Drive(t.Context(), 4, time.Hour, 0, func(i int) error {
		if i == 50 {
			return broken
		}
		return nil
	})
	require.ErrorIs(t, err, broken)
}

func TestDriveEndsWithItsContextAndAfterItsDuration(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Drive(ctx, 2, time.Hour, 0, func(int) error { cancel(); return nil })
	require.NoError(t, err, "the calls made until then count")
	_, err = Drive(ctx, 2, time.Hour, 0, func(int) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
	synctest.Test(t, func(t *testing.T) {
		slow := func(int) error { time.Sleep(2 * time.Millisecond); return nil }
		load, err := Drive(t.Context(), 2, 5*time.Millisecond, 0, slow)
		require.NoError(t, err)
		require.Len(t, load.Took, 2*3)
		require.Equal(t, 6*time.Millisecond, load.Elapsed)
	})
}

func TestQuantilesAreOfSortedTimes(t *testing.T) {
	load := Load{Elapsed: 2 * time.Second}
	for i := range 100 {
		load.Took = append(load.Took, time.Duration(i+1)*time.Millisecond)
	}
	require.Equal(t, Sample{PerSecond: 50, P50: 51, P99: 100}, load.Sample())
	one := Load{Elapsed: time.Second, Took: []time.Duration{time.Millisecond}}
	require.Equal(t, Sample{PerSecond: 1, P50: 1, P99: 1}, one.Sample())
}

func TestLoopCountsAllocations(t *testing.T) {
	var kept []byte
	// In so long, it makes so many calls that whatever else the process allocates does not count.
	sample, err := Loop(t.Context(), 100*time.Millisecond, func() error {
		kept = make([]byte, 1<<10)
		return nil
	})
	require.NoError(t, err)
	require.Len(t, kept, 1<<10)
	require.Positive(t, sample[Time])
	require.InDelta(t, 1, sample[Allocations], 0.9)
	broken := errors.New("broken")
	_, err = Loop(t.Context(), time.Hour, func() error { return broken })
	require.ErrorIs(t, err, broken)
}

package once

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReservationIsForOneAtATime(t *testing.T) {
	r := NewReservations()
	release, ok := r.Take("a")
	require.True(t, ok)
	_, ok = r.Take("a")
	require.False(t, ok)
	other, ok := r.Take("b")
	require.True(t, ok)
	other()
	release()
	release, ok = r.Take("a")
	require.True(t, ok)
	release()
}

func TestReservationIsWaitedFor(t *testing.T) {
	r := NewReservations()
	release, ok := r.Take("a")
	require.True(t, ok)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Wait(gone, "a")
	require.ErrorIs(t, err, context.Canceled)

	var working atomic.Int64
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			release, err := r.Wait(t.Context(), "a")
			require.NoError(t, err)
			defer release()
			require.EqualValues(t, 1, working.Add(1), "one at a time")
			working.Add(-1)
		})
	}
	release()
	wg.Wait()
	_, ok = r.Take("a")
	require.True(t, ok)
}

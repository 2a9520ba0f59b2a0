package fair

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNoMoreThanTheSlotsRunAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(2, 100)
		var now, most atomic.Int64
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if s.Enter(t.Context(), "a") != nil {
					t.Error("refused")
					return
				}
				defer s.Leave()
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
			})
		}
		all.Wait()
		require.EqualValues(t, 2, most.Load())
	})
}

func TestAnotherAccountWaitsForOneCallerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(1, 100)
		for range 50 {
			go func() {
				if s.Enter(t.Context(), "flooder") == nil {
					time.Sleep(time.Second)
					s.Leave()
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		require.NoError(t, s.Enter(t.Context(), "other"))
		require.LessOrEqual(t, time.Since(start), time.Second)
		s.Leave()
		time.Sleep(time.Minute)
	})
}

func TestACallerThatGivesUpTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(1, 1)
		require.NoError(t, s.Enter(t.Context(), "a"))
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.ErrorIs(t, s.Enter(ctx, "a"), context.DeadlineExceeded)
		go func() { _ = s.Enter(t.Context(), "a") }()
		synctest.Wait()
		require.ErrorIs(t, s.Enter(t.Context(), "a"), ErrTooManyWaiting)
		s.Leave()
		synctest.Wait()
		s.Leave()
		require.NoError(t, s.Enter(t.Context(), "b"), "all slots are free again")
	})
}

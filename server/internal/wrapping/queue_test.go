package wrapping

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// flood makes many callers of account ask again and again until the test ends, and counts their keys.
func flood(t *testing.T, p *Pool, account string, callers int) (got *atomic.Int64) {
	got = &atomic.Int64{}
	var all sync.WaitGroup
	t.Cleanup(all.Wait) // The context has ended by then.
	for range callers {
		all.Go(func() {
			for t.Context().Err() == nil {
				if _, err := p.Get(t.Context(), account); err == nil {
					got.Add(1)
				} else {
					time.Sleep(time.Second) // A caller that is refused tries again.
				}
			}
		})
	}
	return got
}

func TestAnotherAccountWaitsForOneKey(t *testing.T) {
	for name, flooders := range map[string]int{"60 callers": 60, "600 callers": 600} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
				flood(t, p, "flooder", flooders)
				time.Sleep(time.Minute + time.Second/3)
				for range 10 {
					start := time.Now()
					_, err := p.Get(t.Context(), "other")
					require.NoError(t, err)
					require.LessOrEqual(t, time.Since(start), time.Second, "which is what one key takes")
					time.Sleep(10 * time.Second / 3)
				}
			})
		})
	}
}

func TestAccountsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
		got := map[string]*atomic.Int64{}
		for account, callers := range map[string]int{"a": 5, "b": 50, "c": 500} {
			got[account] = flood(t, p, account, callers)
		}
		time.Sleep(time.Minute)
		for account, n := range got {
			require.InDelta(t, got["a"].Load(), n.Load(), 1, account)
		}
	})
}

func TestAnAccountHasABoundedNumberOfCallersWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
		var refused, served atomic.Int64
		var all sync.WaitGroup
		for range 3 * MaxWaiting {
			all.Go(func() {
				switch _, err := p.Get(t.Context(), "a"); {
				case err == nil:
					served.Add(1)
				case errors.Is(err, ErrTooManyWaiting):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		require.EqualValues(t, 2*MaxWaiting, refused.Load(), "at once")
		all.Wait()
		require.EqualValues(t, MaxWaiting, served.Load())
		_, err := p.Get(t.Context(), "a")
		require.NoError(t, err, "and there is room again")
	})
}

func TestACallerThatLeavesMakesRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *maker, p *Pool) {
		ctx, leave := context.WithCancel(t.Context())
		for range MaxWaiting {
			go func() { _, _ = p.Get(ctx, "a") }()
		}
		synctest.Wait()
		_, err := p.Get(t.Context(), "a")
		require.ErrorIs(t, err, ErrTooManyWaiting)
		leave()
		synctest.Wait()
		_, err = p.Get(t.Context(), "a")
		require.NoError(t, err)
	})
}

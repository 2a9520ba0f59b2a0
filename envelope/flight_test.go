package envelope

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADropReachesRequestsThatAskForThemselves(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		mine, err := r.acquire(Use{Ref: ref(1)})
		require.NoError(t, err)
		other, err := r.acquire(Use{Ref: Ref{Name: "other"}})
		require.NoError(t, err)
		defer other.Release()

		r.kms.takes = time.Second
		var under sync.WaitGroup
		under.Go(func() {
			l, err := r.acquire(Use{Ref: ref(1)})
			if err != nil || l.Valid() || l.ValidOnce() {
				t.Error("a call that was under way is not for use", err)
			}
			l.Release()
		})
		synctest.Wait()
		r.mount.Drop("payroll")
		under.Wait()
		require.False(t, mine.Valid())
		require.False(t, mine.ValidOnce())
		require.True(t, other.Valid())
		mine.Release()
		require.Zero(t, mine.entry.key.secret)
		require.Len(t, r.mount.unshared, 1, "what was released is forgotten")
	})
}

func TestACallForAStrayEndsWithTheLastThatWaitsForIt(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = time.Hour
		wait := func(ctx context.Context, u Use) {
			_, err := r.mount.Acquire(ctx, u, r.kms.unwrap(u.Ref))
			if err == nil {
				t.Error("KMS does not answer")
			}
		}
		first, leave := context.WithCancel(t.Context())
		second, leaveToo := context.WithCancel(t.Context())
		stray, row := Use{Ref: ref(1), TTL: ttl, Stray: true}, Use{Ref: ref(2), TTL: ttl}
		go wait(first, stray)
		go wait(second, stray)
		go wait(second, row)
		synctest.Wait()
		leave()
		synctest.Wait()
		require.Len(t, r.cache.flights, 2, "another waits for it")
		leaveToo()
		synctest.Wait()
		require.Len(t, r.cache.flights, 1, "the call for a row goes on for later requests")
		r.kms.takes = 0
		r.use(stray)
		require.Equal(t, 3, r.calls())
		time.Sleep(r.cache.options.Timeout)
	})
}

func TestRequestsThatWereServedTooLateDoNotWaitForEachOther(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = 1100 * time.Millisecond
		began := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				u := Use{Ref: ref(1), TTL: time.Second}
				for served := false; !served; u.Alone = true {
					l, err := r.acquire(u)
					if err != nil {
						t.Error(err)
						return
					}
					served = l.ValidOnce()
					l.Release()
				}
			})
		}
		all.Wait()
		require.Equal(t, 2*r.kms.takes, time.Since(began))
		require.Equal(t, 100, r.calls(), "each was served by a call")
	})
}

func TestADataKeyServesOnceHoweverLongKMSTakes(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: time.Second}
		r.kms.takes = 5 * time.Second
		leases := make(chan *Lease, 2)
		for range 2 {
			go func() {
				l, err := r.acquire(u)
				if err != nil {
					t.Error(err)
				}
				leases <- l
			}()
			synctest.Wait()
		}
		one, other := <-leases, <-leases
		require.Equal(t, 1, r.calls())
		require.False(t, one.Valid() || other.Valid(), "its time was over when it came")
		require.True(t, one.ValidOnce() != other.ValidOnce(), "the one that asked may use it")
		one.Release()
		other.Release()
	})
}

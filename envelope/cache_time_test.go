package envelope

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADataKeyIsUsedUntilItsTimeIsOver(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = 20 * time.Second
		u := Use{Ref: ref(1), TTL: ttl}
		_, err := r.acquire(u)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		r.kms.takes = 5 * time.Second // The time counts from the sending.
		r.use(u)
		for range 24 {
			time.Sleep(time.Second)
			r.use(u)
		}
		require.Equal(t, 2, r.calls())
		r.kms.answers(errLost)
		time.Sleep(29 * time.Second)
		r.use(u) // In its second half: it is renewed in the background, which fails without an answer.
		require.Equal(t, 3, r.calls())
		time.Sleep(2 * time.Second)
		_, err = r.acquire(u)
		require.ErrorIs(t, err, errLost, "there is no grace when KMS is away")
	})
}

func TestUsesInTheSecondHalfRenewADataKeyInTheBackground(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: ttl}
		r.kms.takes = time.Second
		for range 600 { // ten minutes
			r.use(u)
			time.Sleep(time.Second)
		}
		require.InDelta(t, 600/31, r.calls(), 2, "once in each half of a minute")
		time.Sleep(2 * ttl)
		require.Zero(t, r.mount.Stats().Cached, "an unused data key is not renewed, and is erased")
	})
}

func TestWithoutATimeEachRequestAsksForItself(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1)}
		for range 3 {
			l, err := r.acquire(u)
			require.NoError(t, err)
			time.Sleep(time.Hour)
			require.True(t, l.Valid(), "within the request")
			l.Release()
			require.Zero(t, l.entry.key.secret)
		}
		require.Equal(t, 3, r.calls())
		require.Zero(t, r.mount.Stats().Cached)
		r.kms.takes = time.Second
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { r.use(u) })
		}
		all.Wait()
		require.Equal(t, 8, r.calls(), "a request joins no call that began before it")
	})
}

func TestAShorterTimeHoldsAtOnce(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.use(Use{Ref: ref(1), TTL: time.Hour})
		time.Sleep(10 * time.Second)
		r.use(Use{Ref: ref(1), TTL: 10 * time.Second})
		require.Equal(t, 2, r.calls())
	})
}

func TestAnUnusedDataKeyIsErasedInItsOwnTime(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		long := r.on(r.cache.Mount())
		defer long.mount.Close()
		long.use(Use{Ref: ref(1), TTL: time.Hour})
		long.use(Use{Ref: ref(2), TTL: time.Hour})
		r.use(Use{Ref: ref(1), TTL: ttl})
		long.use(Use{Ref: ref(2), TTL: ttl}) // The mount's own time is shorter now.
		time.Sleep(ttl)
		synctest.Wait()
		require.Zero(t, r.mount.Stats().Cached)
		require.Equal(t, 1, long.mount.Stats().Cached)
		time.Sleep(time.Hour - ttl)
		synctest.Wait()
		require.Zero(t, long.mount.Stats().Cached)
		r.use(Use{Ref: ref(1), TTL: ttl})
		time.Sleep(ttl)
		synctest.Wait()
		require.Zero(t, r.mount.Stats().Cached, "again, after nothing was cached")
	})
}

func TestBothClocksCount(t *testing.T) {
	start := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		later moment
		calls int
	}{
		"no time has passed":                       {moment{0, start}, 1},
		"the wall clock is set back":               {moment{29 * time.Second, start.Add(-time.Hour)}, 1},
		"the wall clock is set back for too long":  {moment{ttl, start.Add(-time.Hour)}, 2},
		"the machine was suspended":                {moment{time.Second, start.Add(time.Hour)}, 2},
		"the monotonic clock alone has gone on":    {moment{ttl, start}, 2},
		"both have gone on, but not for long":      {moment{29 * time.Second, start.Add(29 * time.Second)}, 1},
		"both have gone on, for exactly that long": {moment{ttl, start.Add(ttl)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 0, func(t *testing.T, r *rig) {
				now := moment{0, start}
				r.cache.clock = func() moment { return now }
				u := Use{Ref: ref(1), TTL: ttl}
				l, err := r.acquire(u)
				require.NoError(t, err)
				now = test.later
				require.Equal(t, test.calls == 1, l.Valid())
				l.Release()
				r.use(u)
				require.Equal(t, test.calls, r.calls())
			})
		})
	}
}

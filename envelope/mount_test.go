package envelope

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// on is the rig with another mount of the same cache.
func (r *rig) on(m *Mount) *rig { return &rig{t: r.t, cache: r.cache, mount: m, kms: r.kms} }

func TestMountsShareNothing(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: ttl}
		other := r.on(r.cache.Mount())
		r.use(u)
		other.use(u)
		require.Equal(t, 2, r.calls())
		r.use(u)
		require.Equal(t, Stats{Hits: 1, Calls: 1, Cached: 1}, r.mount.Stats())
		require.Equal(t, Stats{Calls: 1, Cached: 1}, other.mount.Stats())

		held, err := other.acquire(u)
		require.NoError(t, err)
		defer held.Release()
		r.mount.Drop("payroll")
		r.mount.DropAll()
		require.True(t, held.Valid(), "another mount keeps its own")
		other.use(u)
		require.Equal(t, 2, r.calls())

		r.use(u)
		other.kms = &kms{err: errRefused}
		time.Sleep(ttl / 2)
		other.use(u)
		synctest.Wait()
		require.False(t, held.Valid())
		require.Equal(t, Stats{Hits: 3, Calls: 2, Refusals: 1}, other.mount.Stats())
		r.kms.answers(errLost)
		r.use(u)
		synctest.Wait()
		require.Equal(t, 1, r.mount.Stats().Cached, "the other mount's refusal is not this one's")
	})
}

func TestADropKeepsWhatIsUnderWayForAnotherMount(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		other := r.on(r.cache.Mount())
		defer other.mount.Close()
		r.kms.takes = time.Second
		var began sync.WaitGroup
		began.Go(func() { other.use(Use{Ref: ref(1), TTL: ttl}) })
		synctest.Wait()
		r.mount.Drop("payroll")
		r.mount.DropAll()
		began.Wait()
		require.Equal(t, 1, other.mount.Stats().Cached)
	})
}

func TestAClosedMountKeepsNothing(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: ttl}
		other := r.on(r.cache.Mount())
		defer other.mount.Close()
		other.use(u)
		r.use(u)
		r.kms.takes = time.Second
		var began sync.WaitGroup
		began.Go(func() { r.use(Use{Ref: ref(2), TTL: ttl}) })
		synctest.Wait()
		r.mount.Close()
		began.Wait()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { r.use(u) })
		}
		all.Wait()
		require.Equal(t, 6, r.calls(), "each request asks for itself")
		require.Zero(t, r.mount.Stats().Cached)
		require.Zero(t, len(r.cache.flights))
		other.use(u)
		require.Equal(t, 6, r.calls(), "another mount goes on")

		r.on(r.cache.Mount()).use(u)
		require.Equal(t, 7, r.calls(), "a mount that is made again has nothing of the one before")
	})
}

func TestAMountsFloodEvictsNoDataKeyThatEncryptsElsewhere(t *testing.T) {
	inBubble(t, 10, func(t *testing.T, r *rig) {
		newest := Use{Ref: ref(1), TTL: time.Hour, Newest: true}
		r.use(newest)
		other := r.on(r.cache.Mount())
		for i := range 100 {
			other.use(Use{Ref: ref(uint32(i)), TTL: time.Hour})
			require.LessOrEqual(t, r.mount.Stats().Cached+other.mount.Stats().Cached, 10, "the bound is of both")
		}
		before := r.calls()
		r.use(newest)
		require.Equal(t, before, r.calls())
		require.Equal(t, 9, other.mount.Stats().Cached)
		other.mount.Close()
		require.Zero(t, other.mount.Stats().Cached)
		require.Equal(t, 1, r.mount.Stats().Cached)
	})
}

func TestALeaseOfACallThatADropOvertookServesOnce(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = time.Second
		done := make(chan *Lease)
		go func() {
			l, err := r.acquire(Use{Ref: ref(1), TTL: ttl})
			if err != nil {
				t.Error(err)
			}
			done <- l
		}()
		synctest.Wait()
		r.mount.Drop("payroll")
		l := <-done
		require.False(t, l.Valid())
		l.Release()
		require.Zero(t, l.entry.key.secret)
	})
}

func TestAHitAllocatesItsLeaseAlone(t *testing.T) {
	r := newRig(t, 0)
	u := Use{Ref: ref(1), TTL: time.Hour}
	unwrap := r.kms.unwrap(u.Ref)
	r.use(u)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		l, err := r.mount.Acquire(t.Context(), u, unwrap)
		if err != nil || !l.Valid() {
			t.Error(err)
		}
		l.Release()
	}), 1.0)
}

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

// A request that read its key before a drop may work with one that is gone.
func TestARequestFromBeforeADropLeavesNothingBehind(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: ttl, Drops: r.mount.Drops()}
		late := func() {
			t.Helper()
			l, err := r.acquireLate(u)
			require.NoError(t, err)
			r.isUsed(u, l)
		}
		r.mount.Drop("payroll")
		for range 2 {
			late()
			require.Zero(t, r.mount.Stats().Cached)
		}
		require.Equal(t, 2, r.calls(), "it asks for itself")

		r.use(u)
		late()
		require.Equal(t, 3, r.calls(), "what a later request has got is good for it too")
		time.Sleep(ttl / 2)
		late()
		require.Equal(t, 3, r.calls(), "but it does not renew that")
		r.use(u)
		require.Equal(t, 4, r.calls())
	})
}

func TestADropEndsDataKeysOfRequestsThatAskedForThemselves(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		late := Use{Ref: ref(1), TTL: ttl, Drops: r.mount.Drops()}
		r.mount.Drop("other")
		for name, use := range map[string]Use{"nothing may be cached": {Ref: ref(1)}, "from before another drop": late} {
			held, err := r.acquireLate(use)
			require.NoError(t, err)
			r.mount.Drop("other")
			require.True(t, held.Valid(), name)
			r.mount.Drop("payroll")
			require.False(t, held.Valid(), name)
			held.Release()
			require.Zero(t, held.entry.key.secret, name)
		}
		r.kms.takes = time.Second
		done := make(chan *Lease)
		go func() {
			l, err := r.acquire(Use{Ref: ref(1)})
			if err != nil {
				t.Error(err)
			}
			done <- l
		}()
		synctest.Wait()
		r.mount.Drop("payroll")
		l := <-done
		require.False(t, l.Valid(), "the call was under way")
		l.Release()
		r.kms.answers(errLost)
		_, err := r.acquire(Use{Ref: ref(1)})
		require.ErrorIs(t, err, errLost)
		require.Empty(t, r.mount.unshared)
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

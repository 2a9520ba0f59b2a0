package envelope

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAFloodOfDataKeysHurtsNobodyElse is the attack of a user that can make any number of data keys that KMS opens,
// and sends a ciphertext of each.
func TestAFloodOfDataKeysHurtsNobodyElse(t *testing.T) {
	const flood, usual = 100_000, 100
	inBubble(t, 0, func(t *testing.T, r *rig) {
		other := r.on(r.cache.Mount())
		defer other.mount.Close()
		newest := Use{Ref: Ref{Name: "newest", Version: 1}, TTL: time.Hour, Newest: true}
		r.use(newest)
		other.use(newest)
		useUsual := func() {
			for i := range uint32(usual) {
				r.use(Use{Ref: Ref{Name: "usual", Version: i}, TTL: time.Hour})
			}
		}
		useUsual()
		before := heap()
		for i := range uint32(flood) {
			other.use(Use{Ref: ref(i), TTL: time.Hour})
			if i%1000 == 0 {
				useUsual()
				require.LessOrEqual(t, r.mount.Stats().Cached+other.mount.Stats().Cached, MaxCached)
			}
		}
		require.Less(t, heap()-before, int64(MaxCached*4<<10), "bytes on the heap")
		r.use(newest)
		other.use(newest)
		require.Equal(t, 2+usual+flood, r.calls(), "each data key once: those in use have been there all the time")
		require.EqualValues(t, flood/1000*usual+1, r.mount.Stats().Hits)
	})
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Under load from many sides, no user ever sees an erased or a wrong key, and all are erased in the end.
func TestUsersNeverSeeAnErasedKey(t *testing.T) {
	r := newRig(t, 4)
	var mount atomic.Pointer[Mount]
	mount.Store(r.mount)
	var seen sync.Map
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 2000 {
				u := Use{Ref: ref(uint32(i*7+worker) % 9), TTL: time.Duration(1+i%3) * time.Millisecond, Newest: i%2 == 0}
				m := mount.Load()
				switch i % 100 {
				case worker:
					m.Drop("payroll")
				case 50 + worker: // The mount is disabled, and enabled again at the same path.
					mount.Swap(r.cache.Mount()).Close()
				}
				if i%5 != 0 { // Others began before something was dropped.
					u.Drops = m.Drops()
				}
				l, err := m.Acquire(t.Context(), u, r.kms.unwrap(u.Ref))
				if err != nil {
					t.Error(err)
					return
				}
				if l.Key().secret != [KeySize]byte{byte(u.Ref.Version), 0, 0xaa} {
					t.Error("a key was erased in use")
				}
				seen.Store(l.Key(), nil)
				l.Release()
			}
		})
	}
	all.Wait()
	mount.Load().Close()
	require.Eventually(t, func() bool { r.cache.mu.Lock(); defer r.cache.mu.Unlock(); return len(r.cache.flights) == 0 },
		time.Minute, time.Millisecond)
	require.Zero(t, r.cache.newest.Len()+r.cache.others.Len(), "nothing is left of any mount")
	n := 0
	seen.Range(func(k, _ any) bool {
		n++
		require.Zero(t, k.(*Key).secret)
		return true
	})
	require.NotZero(t, n)
}

func BenchmarkDrop(b *testing.B) {
	c := NewCache(Options{Timeout: time.Second, Refused: func(error) bool { return false }})
	m := c.Mount()
	defer m.Close()
	k := &kms{}
	for i := range uint32(MaxCached) {
		u := Use{Ref: ref(i), TTL: time.Hour}
		l, err := m.Acquire(b.Context(), u, k.unwrap(u.Ref))
		if err != nil {
			b.Fatal(err)
		}
		l.Release()
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Drop("another")
	}
}

func BenchmarkAcquire(b *testing.B) {
	for _, n := range []int{1, 4096} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := NewCache(Options{Timeout: time.Second, Refused: func(error) bool { return false }})
			m := c.Mount()
			defer m.Close()
			k := &kms{}
			b.ReportAllocs()
			i := uint32(0)
			for b.Loop() {
				i++
				u := Use{Ref: ref(i % uint32(n)), TTL: time.Hour}
				l, err := m.Acquire(b.Context(), u, k.unwrap(u.Ref))
				if err != nil {
					b.Fatal(err)
				}
				l.Release()
			}
		})
	}
}

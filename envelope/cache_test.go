package envelope

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

var (
	errRefused = errors.New("KMS refused")
	errLost    = errors.New("no answer")
)

const ttl = time.Minute

// kms is a double of KMS that counts calls, and unwraps every data key as its version.
type kms struct {
	calls atomic.Int64
	mu    sync.Mutex
	err   error
	takes time.Duration
}

func (k *kms) answers(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *kms) unwrap(r Ref) Unwrap {
	return func(ctx context.Context) (*[KeySize]byte, error) {
		k.calls.Add(1)
		k.mu.Lock()
		err, takes := k.err, k.takes
		k.mu.Unlock()
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		return &[KeySize]byte{byte(r.Version), byte(r.Version >> 8), 0xaa}, nil
	}
}

func ref(version uint32) Ref { return Ref{Name: "payroll", Version: version} }

type rig struct {
	t     *testing.T
	cache *Cache
	mount *Mount
	kms   *kms
}

func newRig(t *testing.T, limit int) *rig {
	t.Helper()
	r := &rig{t: t, kms: &kms{}, cache: NewCache(Options{
		Max: limit, Timeout: 10 * time.Second, Refused: func(err error) bool { return errors.Is(err, errRefused) },
	})}
	r.mount = r.cache.Mount()
	t.Cleanup(r.mount.Close)
	return r
}

// acquire is a request that begins now.
func (r *rig) acquire(u Use) (*Lease, error) {
	u.Drops = r.mount.Drops()
	return r.acquireLate(u)
}

// acquireLate is a request that began when u.Drops was that of the mount.
func (r *rig) acquireLate(u Use) (*Lease, error) {
	return r.mount.Acquire(r.t.Context(), u, r.kms.unwrap(u.Ref))
}

// use uses a data key once, and requires that it is the right one.
func (r *rig) use(u Use) {
	r.t.Helper()
	l, err := r.acquire(u)
	require.NoError(r.t, err)
	r.isUsed(u, l)
}

func (r *rig) isUsed(u Use, l *Lease) {
	r.t.Helper()
	defer l.Release()
	require.Equal(r.t, byte(u.Ref.Version), l.Key().secret[0])
}

func (r *rig) calls() int { synctest.Wait(); return int(r.kms.calls.Load()) }

// inBubble runs test on a rig with a clock of its own.
func inBubble(t *testing.T, limit int, test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newRig(t, limit)) })
}

func TestARefusalDropsADataKeyAtOnce(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u := Use{Ref: ref(1), TTL: ttl}
		r.use(u)
		held, err := r.acquire(u)
		require.NoError(t, err)
		r.kms.answers(errRefused)
		time.Sleep(ttl / 2)
		r.use(u) // This one renews in the background, and does not wait for the refusal.
		synctest.Wait()
		require.False(t, held.Valid())
		held.Release()
		require.Zero(t, held.entry.key.secret, "it is erased with its last user")
		_, err = r.acquire(u)
		require.ErrorIs(t, err, errRefused)
		require.EqualValues(t, 2, r.mount.Stats().Refusals)
		r.kms.answers(nil)
		r.use(u) // A refusal is not cached.
	})
}

func TestRequestsThatNeedOneDataKeyMakeOneCall(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = time.Second
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { r.use(Use{Ref: ref(1), TTL: ttl}) })
		}
		all.Wait()
		require.Equal(t, 1, r.calls())
	})
}

func TestARequestThatGivesUpLeavesTheCallToTheOthers(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		r.kms.takes = time.Second
		u := Use{Ref: ref(1), TTL: ttl}
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error)
		go func() {
			_, err := r.mount.Acquire(ctx, u, r.kms.unwrap(u.Ref))
			given <- err
		}()
		synctest.Wait()
		var other sync.WaitGroup
		other.Go(func() { r.use(u) })
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
		other.Wait()
		require.Equal(t, 1, r.calls())
		r.mount.Drop("payroll")
	})
}

func TestNothingCrossesRefs(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		base := Ref{Name: "payroll", Generation: "a", Epoch: 3, ID: ID{1}, Version: 1, Wrapped: HashWrapped([]byte("a"))}
		refs := []Ref{base, base, base, base, base, base, base}
		refs[1].Name, refs[2].Generation, refs[3].ID = "other", "b", ID{2}
		refs[4].Version, refs[5].Wrapped, refs[6].Epoch = 2, HashWrapped(nil), 4
		for range 2 {
			for _, x := range refs {
				r.use(Use{Ref: x, TTL: ttl})
			}
		}
		require.Equal(t, len(refs), r.calls())
	})
}

func TestADroppedNameKeepsNothing(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, r *rig) {
		u, other := Use{Ref: ref(1), TTL: ttl, Newest: true}, Use{Ref: Ref{Name: "other"}, TTL: ttl}
		r.use(u)
		r.use(other)
		held, err := r.acquire(u)
		require.NoError(t, err)
		r.mount.Drop("payroll")
		require.False(t, held.Valid())
		require.NotZero(t, held.Key().secret, "it is in use")
		held.Release()
		require.Zero(t, held.entry.key.secret)
		r.use(other)
		require.Equal(t, 2, r.calls(), "another name keeps its own")

		r.kms.takes = time.Second
		var began sync.WaitGroup
		began.Go(func() { r.use(u) }) // It began before, so it may end.
		synctest.Wait()
		r.mount.Drop("payroll")
		began.Wait()
		require.Equal(t, 1, r.mount.Stats().Cached, "what the call brought is not kept")
	})
}

func TestAFloodOfCiphertextsEvictsNoDataKeyThatEncrypts(t *testing.T) {
	inBubble(t, 100, func(t *testing.T, r *rig) {
		newest := Use{Ref: Ref{Name: "newest", Version: 1}, TTL: time.Hour, Newest: true}
		r.use(newest)
		for i := range 1000 {
			r.use(Use{Ref: ref(uint32(i)), TTL: time.Hour})
			require.LessOrEqual(t, r.mount.Stats().Cached, 100)
		}
		before := r.calls()
		r.use(newest)
		for i := 999; i > 999-99; i-- {
			r.use(Use{Ref: ref(uint32(i)), TTL: time.Hour})
		}
		require.Equal(t, before, r.calls(), "the newest, and of the others those used last, are there")
		r.use(Use{Ref: ref(0), TTL: time.Hour})
		require.Equal(t, before+1, r.calls())
	})
}

func TestADataKeyThatIsNoLongerTheNewestMakesRoom(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, r *rig) {
		r.use(Use{Ref: ref(1), TTL: ttl, Newest: true})
		r.use(Use{Ref: ref(2), TTL: ttl, Newest: true})
		r.use(Use{Ref: ref(1), TTL: ttl}) // It decrypts now.
		require.Equal(t, 2, r.calls())
		r.use(Use{Ref: ref(3), TTL: ttl, Newest: true})
		r.use(Use{Ref: ref(2), TTL: ttl, Newest: true})
		require.Equal(t, 3, r.calls())
		r.use(Use{Ref: ref(1), TTL: ttl})
		require.Equal(t, 4, r.calls())
		require.Equal(t, 2, r.mount.Stats().Cached, "even when all of them are the newest of their key")
	})
}

package wrapping

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// PoolSize is how many keys a [Pool] keeps ready: that many callers at once get theirs without a wait.
const PoolSize = 16

// quietStart is how long a new pool waits for its first caller before it makes keys for callers to come. A service that is
// started for a short job, a check for instance, pays nothing.
const quietStart = 5 * time.Second

// Pool makes keys ahead of need. When they have run out, callers wait for the next, one key each, in the order they came.
// Keys are made by half of the cores, so that a burst of imports does not take all of them from other requests.
type Pool struct {
	generate func() (*Key, error)
	// ready holds the keys that are made, and at most PoolSize of them.
	ready chan made
	// wake is closed by the first caller.
	wake     chan struct{}
	wakeOnce sync.Once
	ctx      context.Context
	stop     context.CancelFunc
	workers  sync.WaitGroup
}

// made is what generate returned.
type made struct {
	key *Key
	err error
}

// NewPool returns a pool that makes keys with generate, which is [Generate] but in tests. The caller closes it.
func NewPool(generate func() (*Key, error)) *Pool {
	p := &Pool{generate: generate, ready: make(chan made, PoolSize), wake: make(chan struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		p.workers.Go(p.work)
	}
	return p
}

// work makes keys until the pool is closed.
func (p *Pool) work() {
	select {
	case <-p.wake:
	case <-time.After(quietStart):
	case <-p.ctx.Done():
		return
	}
	for p.ctx.Err() == nil {
		key, err := p.generate()
		select {
		case p.ready <- made{key, err}:
		case <-p.ctx.Done():
			discard(key)
		}
	}
}

// Get returns a key that nobody else gets; the caller clears it. It waits until ctx ends, or the pool is closed, which is
// [context.Canceled].
func (p *Pool) Get(ctx context.Context) (*Key, error) {
	p.wakeOnce.Do(func() { close(p.wake) })
	select {
	case m := <-p.ready:
		return m.key, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// Close stops the making of keys, and waits for those in hand, about 100 ms. It may be called more than once.
func (p *Pool) Close() {
	p.stop()
	p.workers.Wait()
	for {
		select {
		case m := <-p.ready:
			discard(m.key)
		default:
			return
		}
	}
}

func discard(key *Key) {
	if key != nil {
		key.Clear()
	}
}

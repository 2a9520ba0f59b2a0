package wrapping

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// PoolSize is how many keys a [Pool] keeps ready: so many callers at once get theirs without waiting.
const PoolSize = 16

// quietStart is how long a new pool waits for its first caller before it generates keys ahead. A service that is
// started for a short job, a check for instance, pays nothing.
const quietStart = 5 * time.Second

// Pool generates keys ahead of need. When it has run out, callers wait for the next key in the order in which they
// came. Half of the cores generate keys, so that a burst of imports leaves the others to other requests.
type Pool struct {
	generate func() (*Key, error)
	// ready holds up to PoolSize keys.
	ready chan generated
	// wake is closed by the first caller.
	wake     chan struct{}
	wakeOnce sync.Once
	ctx      context.Context
	stop     context.CancelFunc
	workers  sync.WaitGroup
}

// generated is what generate returned.
type generated struct {
	key *Key
	err error
}

// NewPool returns a pool of keys from generate, which is [Generate] except in tests. The caller closes it.
func NewPool(generate func() (*Key, error)) *Pool {
	p := &Pool{generate: generate, ready: make(chan generated, PoolSize), wake: make(chan struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		p.workers.Go(p.work)
	}
	return p
}

// work generates keys until the pool is closed.
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
		case p.ready <- generated{key, err}:
		case <-p.ctx.Done():
			discard(key)
		}
	}
}

// Get returns a key that no other caller gets; the caller clears it. It stops waiting when ctx ends, or when the pool
// is closed: then the error is [context.Canceled].
func (p *Pool) Get(ctx context.Context) (*Key, error) {
	p.wakeOnce.Do(func() { close(p.wake) })
	select {
	case g := <-p.ready:
		return g.key, g.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.ctx.Done():
		return nil, p.ctx.Err()
	}
}

// Close stops the generation of keys, and waits for those under way, about 100 ms. It may be called more than once.
func (p *Pool) Close() {
	p.stop()
	p.workers.Wait()
	for {
		select {
		case g := <-p.ready:
			discard(g.key)
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

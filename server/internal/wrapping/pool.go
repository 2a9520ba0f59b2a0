package wrapping

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/fair"
)

// PoolSize is how many keys a [Pool] keeps ready: that many callers at once get a key without waiting.
const PoolSize = 16

// MaxWaiting is how many callers of one account may wait at once. Further callers are refused, since their turn would
// come too late.
const MaxWaiting = PoolSize

// quietStart is how long a new pool waits for its first caller before it generates keys in advance. A service that is
// started for a short job, such as a check, does not generate any.
const quietStart = 5 * time.Second

// ErrTooManyWaiting refuses a caller because [MaxWaiting] callers of its account already wait. Compare with
// [errors.Is].
var ErrTooManyWaiting = fair.ErrTooManyWaiting

// Pool generates keys in advance. When it has run out, callers wait for the next key, and the accounts take turns: see
// [fair.Queue]. So a caller whose account has had no key recently waits for only one key to be generated, however many
// others wait. At most half of the cores generate keys, so that a burst of imports leaves the rest to other requests.
type Pool struct {
	generate func(context.Context) (*Key, error)
	// wake is closed by the first caller.
	wake     chan struct{}
	wakeOnce sync.Once
	ctx      context.Context
	stop     context.CancelFunc
	workers  sync.WaitGroup

	// mu guards the fields below. It is not held while a key is generated.
	mu sync.Mutex
	// ready holds up to PoolSize keys. Callers wait only if it is empty.
	ready   []generated
	waiting *fair.Queue[generated]
	// room is signaled when a key has been taken and when the pool is closed.
	room *sync.Cond
}

// generated is what generate returned.
type generated struct {
	key *Key
	err error
}

// NewPool returns a pool of keys from generate, whose context ends when the pool is closed. The caller closes it.
func NewPool(generate func(context.Context) (*Key, error)) *Pool {
	p := &Pool{generate: generate, wake: make(chan struct{}), waiting: fair.NewQueue[generated](MaxWaiting)}
	p.room = sync.NewCond(&p.mu)
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
		key, err := p.generate(p.ctx)
		p.put(generated{key, err})
	}
}

// put gives a key to the caller whose turn it is. If no caller waits, it keeps the key, once there is room for it.
func (p *Pool) put(g generated) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) == PoolSize && p.ctx.Err() == nil {
		p.room.Wait()
	}
	if p.ctx.Err() != nil {
		discard(g.key)
		return
	}
	if turn := p.waiting.Next(); turn != nil {
		turn <- g
		return
	}
	p.ready = append(p.ready, g)
}

// Get returns a key that no other caller gets; the caller clears it. The error is [ErrTooManyWaiting], that of ctx if
// it ends first, [context.Canceled] if the pool is closed, or that of generating the key.
func (p *Pool) Get(ctx context.Context, account string) (*Key, error) {
	p.wakeOnce.Do(func() { close(p.wake) })
	wait, err := p.take(account)
	if err != nil {
		return nil, err
	}
	select {
	case g := <-wait:
		return g.key, g.err
	case <-ctx.Done():
		return p.giveUp(account, wait, ctx.Err())
	case <-p.ctx.Done():
		return p.giveUp(account, wait, p.ctx.Err())
	}
}

// take returns the channel on which a caller of account gets its key: at once, if one is ready.
func (p *Pool) take(account string) (chan generated, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait, ok := p.waiting.Join(account)
	if !ok {
		return nil, ErrTooManyWaiting
	}
	if len(p.ready) > 0 {
		p.waiting.Next() <- p.ready[0]
		p.ready = slices.Delete(p.ready, 0, 1)
		p.room.Signal()
	}
	return wait, nil
}

// giveUp ends a wait. If a key was handed over at the same time, giveUp returns it, so that it is not lost.
func (p *Pool) giveUp(account string, wait chan generated, cause error) (*Key, error) {
	p.mu.Lock()
	p.waiting.Leave(account, wait)
	p.mu.Unlock()
	select {
	case g := <-wait:
		return g.key, g.err
	default:
		return nil, cause
	}
}

// Close stops the generation of keys, and waits for those under way, about 100 ms. It may be called more than once.
func (p *Pool) Close() {
	p.stop()
	p.mu.Lock()
	p.room.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.ready {
		discard(g.key)
	}
	p.ready = nil
}

func discard(key *Key) {
	if key != nil {
		key.Clear()
	}
}

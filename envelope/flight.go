package envelope

import (
	"context"
	"time"
)

// Unwrap asks KMS to decrypt a wrapped data key. The cache clears what it returns.
type Unwrap func(context.Context) (*[KeySize]byte, error)

// flight is a call to KMS that is under way, and which several requests may wait for.
type flight struct {
	done    chan struct{}
	waiters int
	// abandon ends the call once nobody waits for it. It is nil if the call should go on then.
	abandon func()
	// These are set before done is closed.
	entry *entry
	err   error
}

// fly begins a call to KMS. c.mu is held.
func (c *Cache) fly(ctx context.Context, p place, u Use, unwrap Unwrap) *flight {
	f := &flight{done: make(chan struct{})}
	c.flights[p] = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.Timeout)
	if u.Stray {
		f.abandon = func() {
			cancel()
			if c.flights[p] == f { // The next request makes a call.
				delete(c.flights, p)
			}
		}
	}
	go func() {
		defer cancel()
		key, sent, err := p.mount.ask(ctx, unwrap)
		if f.err = err; err == nil {
			f.entry = &entry{place: p, key: key, sent: sent, ttl: u.TTL}
		}
		c.land(p, u, f)
	}()
	return f
}

// ask calls KMS, and returns when it was asked.
func (m *Mount) ask(ctx context.Context, unwrap Unwrap) (key *Key, sent moment, err error) {
	m.calls.Add(1)
	sent = m.cache.clock()
	secret, err := unwrap(ctx)
	if err != nil {
		if m.cache.options.Refused(err) {
			m.refusals.Add(1)
		}
		return nil, sent, err
	}
	defer clear(secret[:])
	return NewKey(secret), sent, nil
}

// land hands the result of a call to the requests that wait for it, and keeps it, unless the data key was dropped
// meanwhile.
func (c *Cache) land(p place, u Use, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	kept := c.flights[p] == f
	if kept {
		delete(c.flights, p)
	}
	if f.err != nil {
		if kept {
			c.notRenewed(p, f.err)
		}
		return
	}
	e := f.entry
	e.users = f.waiters
	if kept {
		c.add(e, u.Newest)
	} else {
		e.gone.Store(true)
	}
	e.eraseIfUnused()
}

// notRenewed handles a call that brought no data key, if one is cached. c.mu is held.
func (c *Cache) notRenewed(p place, reason error) {
	if c.options.Refused(reason) {
		c.remove(p)
		return
	}
	for _, lru := range c.lrus() {
		if e, ok := lru.Peek(p); ok {
			e.unanswered = c.clock()
		}
	}
}

// isToRenew reports whether the next use of a cached data key asks KMS again: from half of its time on, but not right
// after KMS has failed to answer, since each request would then send a call to a KMS that may be overloaded. c.mu is
// held.
func (c *Cache) isToRenew(e *entry, ttl time.Duration) bool {
	now := c.clock()
	return now.since(e.sent) >= ttl/2 && now.since(e.unanswered) >= ttl/renewals
}

// renewals is how many attempts to renew a data key fit into its whole time. They begin when half of it is over.
const renewals = 20

// await waits for a flight, which the caller has begun if asked is true.
func (c *Cache) await(ctx context.Context, f *flight, ttl time.Duration, asked bool) (*Lease, error) {
	select {
	case <-f.done:
		if f.err != nil {
			return nil, f.err
		}
		return &Lease{cache: c, entry: f.entry, ttl: ttl, asked: asked}, nil
	case <-ctx.Done():
		c.leave(f)
		return nil, ctx.Err()
	}
}

// leave ends the wait of a request.
func (c *Cache) leave(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-f.done:
		if f.entry != nil {
			f.entry.users--
			f.entry.eraseIfUnused()
		}
	default:
		f.waiters--
		if f.waiters == 0 && f.abandon != nil {
			f.abandon()
		}
	}
}

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
	// These are set before done is closed.
	entry *entry
	err   error
}

// fly begins a call to KMS. c.mu is held.
func (c *Cache) fly(ctx context.Context, p place, u Use, unwrap Unwrap) *flight {
	f := &flight{done: make(chan struct{})}
	c.flights[p] = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.Timeout)
	go func() {
		defer cancel()
		f.entry, f.err = p.mount.ask(ctx, unwrap)
		c.land(p, u, f)
	}()
	return f
}

// ask calls KMS.
func (m *Mount) ask(ctx context.Context, unwrap Unwrap) (*entry, error) {
	m.calls.Add(1)
	sent := m.cache.clock()
	secret, err := unwrap(ctx)
	if err != nil {
		if m.cache.options.Refused(err) {
			m.refusals.Add(1)
		}
		return nil, err
	}
	defer clear(secret[:])
	return &entry{key: NewKey(secret), sent: sent}, nil
}

// land hands what a call brought to those who wait for it, and keeps it, unless the data key was dropped meanwhile.
func (c *Cache) land(p place, u Use, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	kept := c.flights[p] == f
	if kept {
		delete(c.flights, p)
	}
	if f.err != nil {
		if kept && c.options.Refused(f.err) {
			c.remove(p)
		}
		return
	}
	e := f.entry
	e.place, e.users, e.ttl = p, f.waiters, u.TTL
	if kept {
		c.add(e, u.Newest)
	} else {
		e.gone.Store(true)
	}
	e.eraseIfUnused()
}

// await waits for a flight.
func (c *Cache) await(ctx context.Context, f *flight, ttl time.Duration) (*Lease, error) {
	select {
	case <-f.done:
		if f.err != nil {
			return nil, f.err
		}
		return &Lease{cache: c, entry: f.entry, ttl: ttl}, nil
	case <-ctx.Done():
		c.leave(f)
		return nil, ctx.Err()
	}
}

// leave is for a request that waits no longer.
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
	}
}

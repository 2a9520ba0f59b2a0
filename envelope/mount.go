package envelope

import (
	"context"
	"sync/atomic"
	"time"
)

// A Mount is one mount's part of a [Cache], which shares nothing but its bounds with the other mounts. It is safe for
// concurrent use.
type Mount struct {
	cache                 *Cache
	hits, calls, refusals atomic.Uint64

	// The fields below are guarded by cache.mu.
	cached int
	closed bool
	// unshared are the data keys of requests that have made a call of their own, which are not cached.
	unshared map[*entry]struct{}
}

// Mount returns a new part of the cache. The caller closes it.
func (c *Cache) Mount() *Mount { return &Mount{cache: c, unshared: map[*entry]struct{}{}} }

// Use is how a data key is to be used.
type Use struct {
	Ref Ref
	// TTL is how long after the sending of the call that KMS agreed to the data key may be used. With 0 the request
	// makes a call of its own, which serves no other.
	TTL time.Duration
	// Newest marks the data key that encrypts. It stays when others make room.
	Newest bool
	// Stray marks a wrapped data key that only a ciphertext has. A call for it ends when no request waits for it any
	// longer: whoever sends many and goes away leaves nothing behind.
	Stray bool
}

// Acquire returns a lease of a data key that is cached, or else that unwrap brings. Requests that need the same data
// key at the same time make one call. From half of its time on, a use renews the data key in the background; if KMS
// refuses then, it is dropped at once. Errors are those of unwrap, which are not cached, and of ctx.
func (m *Mount) Acquire(ctx context.Context, u Use, unwrap Unwrap) (*Lease, error) {
	c, p := m.cache, place{mount: m, ref: u.Ref}
	c.mu.Lock()
	if u.TTL <= 0 || m.closed {
		c.mu.Unlock()
		return m.acquireUnshared(ctx, p, unwrap)
	}
	if e := c.find(p, u); e != nil {
		e.users++
		if c.clock().since(e.sent) >= u.TTL/2 && c.flights[p] == nil {
			c.fly(ctx, p, u, unwrap)
		}
		c.mu.Unlock()
		m.hits.Add(1)
		return &Lease{cache: c, entry: e, ttl: u.TTL}, nil
	}
	f := c.flights[p]
	asked := f == nil
	if asked {
		f = c.fly(ctx, p, u, unwrap)
	}
	f.waiters++
	c.mu.Unlock()
	return c.await(ctx, f, u.TTL, asked)
}

// acquireUnshared makes a call that serves no other request.
func (m *Mount) acquireUnshared(ctx context.Context, p place, unwrap Unwrap) (*Lease, error) {
	// A drop reaches the data key from here on, before there is one.
	e := &entry{place: p, users: 1}
	m.hold(e)
	key, sent, err := m.ask(ctx, unwrap)
	e.key, e.sent = key, sent
	l := &Lease{cache: m.cache, entry: e, asked: true}
	if err != nil {
		l.Release()
		return nil, err
	}
	return l, nil
}

func (m *Mount) hold(unshared *entry) {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	m.unshared[unshared] = struct{}{}
}

// Drop erases the data keys of a key of the engine, and keeps nothing that calls which are under way will bring. Leases
// of them are no longer valid.
func (m *Mount) Drop(name string) {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	m.dropIf(func(r Ref) bool { return r.Name == name })
}

// DropAll is Drop for every key of the mount.
func (m *Mount) DropAll() {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	m.dropIf(func(Ref) bool { return true })
}

// Close drops everything of the mount. It keeps nothing from then on; requests that still use it make calls of their
// own.
func (m *Mount) Close() {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	m.closed = true
	m.dropIf(func(Ref) bool { return true })
}

// Stats are counters of a mount since it was made.
type Stats struct {
	// Hits are the uses that needed no call to KMS, and Calls the calls, of which KMS has refused Refusals.
	Hits, Calls, Refusals uint64
	// Cached is how many data keys of the mount are cached now.
	Cached int
}

// Stats returns the counters.
func (m *Mount) Stats() Stats {
	m.cache.mu.Lock()
	defer m.cache.mu.Unlock()
	return Stats{Hits: m.hits.Load(), Calls: m.calls.Load(), Refusals: m.refusals.Load(), Cached: m.cached}
}

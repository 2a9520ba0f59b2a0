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

	// drops is the count that [Mount.Drops] returns. It is written under cache.mu, which guards the fields below.
	drops  atomic.Uint64
	cached int
	closed bool
	// unshared are the data keys that requests have got by calls of their own.
	unshared map[*entry]struct{}
}

// Mount returns a new part of the cache. The caller closes it.
func (c *Cache) Mount() *Mount { return &Mount{cache: c, unshared: map[*entry]struct{}{}} }

// Drops returns how often something was dropped; see [Use].
func (m *Mount) Drops() uint64 { return m.drops.Load() }

// Use says how a data key will be used.
type Use struct {
	Ref Ref
	// TTL is how long the data key may be used after the call for it was sent. With 0 the request makes a call of its
	// own, which serves no other.
	TTL time.Duration
	// Newest marks the data key that encrypts. It stays when others make room.
	Newest bool
	// Stray marks a wrapped data key that only a ciphertext has. A call for it ends when no request waits for it any
	// longer: a client that sends many and disconnects leaves nothing behind.
	Stray bool
	// Alone asks for a call that serves no other request, as a TTL of 0 does: the request has waited for a data key
	// whose time was over when it came. If all that wait made calls together, each call would still serve only one.
	Alone bool
	// Drops is what [Mount.Drops] was before the caller read what Ref says. If anything was dropped since, Ref may be
	// out of date. The request may finish with it, but leaves nothing in the cache.
	Drops uint64
}

// Acquire returns a lease of a data key that is cached, or else of one that it gets from unwrap. Requests that need the
// same data key at the same time make one call. From half of its time on, a use renews the data key in the background;
// if KMS refuses then, it is dropped at once, and if KMS does not answer, a later use tries again. Errors are those of
// unwrap, which are not cached, and of ctx.
func (m *Mount) Acquire(ctx context.Context, u Use, unwrap Unwrap) (*Lease, error) {
	e, f, asked := m.join(ctx, u, unwrap)
	switch {
	case f != nil:
		return m.cache.await(ctx, f, u.TTL, asked)
	case e.key == nil:
		return m.fill(ctx, e, u, unwrap)
	default:
		m.hits.Add(1)
		return &Lease{cache: m.cache, entry: e, ttl: u.TTL, hit: true}, nil
	}
}

// join returns a cached data key, or a flight that brings it, which this request has begun if asked is true, or else an
// entry that the request must fill itself.
func (m *Mount) join(ctx context.Context, u Use, unwrap Unwrap) (e *entry, f *flight, asked bool) {
	c, p := m.cache, place{mount: m, ref: u.Ref}
	c.mu.Lock()
	defer c.mu.Unlock()
	if u.TTL <= 0 || u.Alone || m.closed {
		return m.unsharedEntry(p), nil, false
	}
	mayKeep, f := u.Drops == m.drops.Load(), c.flights[p]
	if e := c.find(p, u); e != nil {
		e.users++
		if mayKeep && f == nil && c.isToRenew(e, u.TTL) {
			c.fly(ctx, p, u, unwrap)
		}
		return e, nil, false
	}
	if f == nil && !mayKeep {
		return m.unsharedEntry(p), nil, false
	}
	if asked = f == nil; asked {
		f = c.fly(ctx, p, u, unwrap)
	}
	f.waiters++
	return nil, f, asked
}

// unsharedEntry returns an entry for a data key that a request gets by a call of its own. c.mu is held.
func (m *Mount) unsharedEntry(p place) *entry {
	e := &entry{place: p, users: 1}
	m.unshared[e] = struct{}{}
	return e
}

// fill makes the call for an unshared entry.
func (m *Mount) fill(ctx context.Context, e *entry, u Use, unwrap Unwrap) (*Lease, error) {
	key, sent, err := m.ask(ctx, unwrap)
	e.key, e.sent = key, sent
	l := &Lease{cache: m.cache, entry: e, ttl: max(u.TTL, 0), asked: true}
	if err != nil {
		l.Release()
		return nil, err
	}
	return l, nil
}

// Drop erases the data keys of a key of the engine, and does not keep the results of calls under way. Leases of them
// are no longer valid.
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

package envelope

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// MaxCached is how many unwrapped data keys a [Cache] holds by default.
const MaxCached = 4096

// Ref says which data key of a cache is meant. Two that differ in anything are different data keys to it, so that what
// one key of the engine has unwrapped serves no other, and not itself after a change.
type Ref struct {
	// Name is the key of the engine, and Generation counts the changes after which nothing unwrapped before may be
	// used.
	Name       string
	Generation uint64
	ID         ID
	Version    uint32
	// Wrapped is the hash of the wrapped data key; see [HashWrapped].
	Wrapped [sha256.Size]byte
}

// HashWrapped returns the hash of a wrapped data key, for a [Ref].
func HashWrapped(wrapped []byte) [sha256.Size]byte { return sha256.Sum256(wrapped) }

// Unwrap asks KMS to decrypt a wrapped data key. The cache clears what it returns.
type Unwrap func(context.Context) (*[KeySize]byte, error)

// Options are what a [Cache] is made with.
type Options struct {
	// Max is how many data keys the cache holds; the default is [MaxCached].
	Max int
	// Timeout is how long a call to KMS may take. Calls don't end with the request that needed them first, because
	// others wait for them too.
	Timeout time.Duration
	// Refused reports whether an error of Unwrap is KMS's word that the key may not be used (now), after which what is
	// cached must not be used either. Any other error is no answer.
	Refused func(error) bool
}

// A Cache holds unwrapped data keys for as long as its callers say, so that most messages need no call to KMS. It is
// safe for concurrent use. Keys are erased when they have left the cache and nobody uses them any longer.
type Cache struct {
	options Options
	clock   func() moment

	hits, calls, refusals atomic.Uint64

	mu sync.Mutex // guards the fields below and those of entries and flights; never held during a call
	// newest has the data keys that encrypt. Those that only decrypt, in others, make room first, so that a flood of
	// ciphertexts can't slow encryption.
	newest, others *simplelru.LRU[Ref, *entry]
	flights        map[Ref]*flight
	sweeper        *time.Timer // nil if nothing is cached
	closed         bool
}

// entry is an unwrapped data key.
type entry struct {
	key  *Key
	sent moment        // when KMS was asked for it
	ttl  time.Duration // of the last use
	// gone is true once it has left the cache because it may not be used, before its time is over.
	gone atomic.Bool
	// inCache and users keep the key from being erased.
	inCache bool
	users   int
}

// flight is a call to KMS that is under way.
type flight struct {
	done    chan struct{}
	waiters int
	// These are set before done is closed.
	entry *entry
	err   error
}

// NewCache returns an empty cache. The caller closes it.
func NewCache(o Options) *Cache {
	if o.Max == 0 {
		o.Max = MaxCached
	}
	c := &Cache{options: o, clock: systemClock(), flights: map[Ref]*flight{}}
	c.newest, c.others = c.newLRU(), c.newLRU()
	return c
}

func (c *Cache) newLRU() *simplelru.LRU[Ref, *entry] {
	lru, err := simplelru.NewLRU(c.options.Max+1, func(_ Ref, e *entry) { e.inCache = false; e.eraseIfUnused() })
	if err != nil {
		panic("envelope: internal error: " + err.Error())
	}
	return lru
}

func (e *entry) eraseIfUnused() {
	if !e.inCache && e.users == 0 {
		e.key.Clear()
	}
}

// A Lease is the use of a data key by one request. It must be released.
type Lease struct {
	cache *Cache
	entry *entry
	ttl   time.Duration
}

// Key returns the data key, which is valid until Release.
func (l *Lease) Key() *Key { return l.entry.key }

// Valid reports whether the data key may still be used. A lease that was just acquired may be used once without asking;
// before each further use, and so before each further item of a batch, Valid decides.
func (l *Lease) Valid() bool {
	return !l.entry.gone.Load() && (l.ttl == 0 || l.cache.clock().since(l.entry.sent) < l.ttl)
}

// Release ends the use.
func (l *Lease) Release() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	l.entry.users--
	l.entry.eraseIfUnused()
}

// Use is how a data key is to be used.
type Use struct {
	Ref Ref
	// TTL is how long after the sending of the call that KMS agreed to the data key may be used. With 0 the request
	// makes a call of its own, which serves no other.
	TTL time.Duration
	// Newest marks the data key that encrypts. It stays when others make room.
	Newest bool
}

// Acquire returns a lease of a data key that is cached, or else that unwrap brings. Requests that need the same data
// key at the same time make one call. From half of its time on, a use renews the data key in the background; if KMS
// refuses then, it is dropped at once. Errors are those of unwrap, which are not cached, and of ctx.
func (c *Cache) Acquire(ctx context.Context, u Use, unwrap Unwrap) (*Lease, error) {
	if u.TTL <= 0 {
		return c.acquireUnshared(ctx, unwrap)
	}
	c.mu.Lock()
	if e := c.find(u); e != nil {
		e.users++
		if c.clock().since(e.sent) >= u.TTL/2 && c.flights[u.Ref] == nil {
			c.fly(ctx, u, unwrap)
		}
		c.mu.Unlock()
		c.hits.Add(1)
		return &Lease{cache: c, entry: e, ttl: u.TTL}, nil
	}
	f := c.flights[u.Ref]
	if f == nil {
		f = c.fly(ctx, u, unwrap)
	}
	f.waiters++
	c.mu.Unlock()
	return c.await(ctx, f, u.TTL)
}

// find returns what is cached and has not expired. c.mu is held.
func (c *Cache) find(u Use) *entry {
	from, to := c.newest, c.others
	if u.Newest {
		from, to = to, from
	}
	e, ok := to.Get(u.Ref)
	if !ok {
		if e, ok = from.Peek(u.Ref); !ok {
			return nil
		}
		// It became the newest, or is no longer. It must not be erased between the two.
		e.users++
		from.Remove(u.Ref)
		e.users--
		e.inCache = true
		to.Add(u.Ref, e)
	}
	if c.clock().since(e.sent) >= u.TTL {
		to.Remove(u.Ref)
		return nil
	}
	e.ttl = u.TTL
	return e
}

// fly begins a call to KMS. c.mu is held.
func (c *Cache) fly(ctx context.Context, u Use, unwrap Unwrap) *flight {
	f := &flight{done: make(chan struct{})}
	c.flights[u.Ref] = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.options.Timeout)
	go func() {
		defer cancel()
		f.entry, f.err = c.ask(ctx, unwrap)
		c.land(u, f)
	}()
	return f
}

// ask calls KMS.
func (c *Cache) ask(ctx context.Context, unwrap Unwrap) (*entry, error) {
	c.calls.Add(1)
	sent := c.clock()
	secret, err := unwrap(ctx)
	if err != nil {
		if c.options.Refused(err) {
			c.refusals.Add(1)
		}
		return nil, err
	}
	defer clear(secret[:])
	return &entry{key: NewKey(secret), sent: sent}, nil
}

// land hands what a call brought to those who wait for it, and keeps it, unless the data key was dropped meanwhile.
func (c *Cache) land(u Use, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(f.done)
	kept := c.flights[u.Ref] == f
	if kept {
		delete(c.flights, u.Ref)
	}
	if f.err != nil {
		if kept && c.options.Refused(f.err) {
			c.remove(u.Ref)
		}
		return
	}
	f.entry.users, f.entry.ttl = f.waiters, u.TTL
	if kept && !c.closed {
		c.add(u, f.entry)
	}
	f.entry.eraseIfUnused()
}

// add stores an entry and makes room for it. c.mu is held.
func (c *Cache) add(u Use, e *entry) {
	lru, other := c.others, c.newest
	if u.Newest {
		lru, other = other, lru
	}
	other.Remove(u.Ref)
	lru.Remove(u.Ref) // Add would not tell of the one that it replaces.
	e.inCache = true
	lru.Add(u.Ref, e)
	if c.newest.Len()+c.others.Len() > c.options.Max {
		if _, _, ok := c.others.RemoveOldest(); !ok {
			c.newest.RemoveOldest()
		}
	}
	if c.sweeper == nil {
		c.sweeper = time.AfterFunc(e.ttl, c.sweep)
	}
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

func (c *Cache) acquireUnshared(ctx context.Context, unwrap Unwrap) (*Lease, error) {
	e, err := c.ask(ctx, unwrap)
	if err != nil {
		return nil, err
	}
	e.users = 1
	return &Lease{cache: c, entry: e}, nil
}

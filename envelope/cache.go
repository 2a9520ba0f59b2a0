package envelope

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// MaxCached is how many unwrapped data keys a [Cache] holds by default.
const MaxCached = 4096

// Ref identifies a data key of a mount. Refs that differ in anything are different data keys, so a data key that one
// key of the engine has unwrapped serves no other, nor the same one after a change.
type Ref struct {
	// Name is the key of the engine. Its Generation differs after each change of it, and Epoch after each change of the
	// whole mount; a data key that was unwrapped before a change must not be used after it.
	Name       string
	Generation string
	Epoch      uint64
	ID         ID
	Version    uint32
	// Wrapped is the hash of the wrapped data key; see [HashWrapped].
	Wrapped [sha256.Size]byte
}

// HashWrapped returns the hash of a wrapped data key, for a [Ref].
func HashWrapped(wrapped []byte) [sha256.Size]byte { return sha256.Sum256(wrapped) }

// Options are what a [Cache] is made with.
type Options struct {
	// Max is how many data keys the cache holds, of all mounts together; the default is [MaxCached].
	Max int
	// Timeout is how long a call to KMS may take. Calls don't end with the request that needed them first, because
	// others wait for them too.
	Timeout time.Duration
	// Refused reports whether an error of Unwrap means that KMS does not allow use of the key (now), after which a
	// cached one must not be used either. Any other error is no answer.
	Refused func(error) bool
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// A Cache holds unwrapped data keys for as long as its callers say, so that most messages need no call to KMS. One
// serves all mounts of a process; see [Cache.Mount]. It is safe for concurrent use. A key is erased once it has left
// the cache and is no longer in use.
type Cache struct {
	options Options
	clock   func() moment

	// mu guards the fields below and those of mounts, entries and flights. It is never held during a call.
	mu sync.Mutex
	// newest has the data keys that encrypt. Those that only decrypt, in others, make room first, so that a flood of
	// ciphertexts can't slow encryption.
	newest, others *simplelru.LRU[place, *entry]
	flights        map[place]*flight
	// sweeper runs at sweepAt, which is zero if nothing is cached, to erase keys that have expired unused.
	sweeper *time.Timer
	sweepAt time.Time
}

// A place is where a data key is cached. It has the mount itself rather than its path, which keeps the keys of two
// mounts apart for good, even of one that replaces another at its path.
type place struct {
	mount *Mount
	ref   Ref
}

// entry is an unwrapped data key.
type entry struct {
	place
	key  *Key
	sent moment // when KMS was asked for it
	// unanswered is when a call to renew it last got no answer. It is the zero moment if none did.
	unanswered moment
	ttl        time.Duration // of the last use
	// gone is true once it must no longer be used, although its time is not over.
	gone atomic.Bool
	// inCache and users keep the key from being erased.
	inCache bool
	users   int
}

// NewCache returns an empty cache.
func NewCache(o Options) *Cache {
	if o.Max == 0 {
		o.Max = MaxCached
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{options: o, clock: clockOf(o.Now), flights: map[place]*flight{}}
	c.newest, c.others = c.newLRU(), c.newLRU()
	c.sweeper = time.AfterFunc(time.Hour, c.sweep)
	c.sweeper.Stop()
	return c
}

func (c *Cache) newLRU() *simplelru.LRU[place, *entry] {
	lru, err := simplelru.NewLRU(c.options.Max+1, func(_ place, e *entry) { e.left() })
	if err != nil {
		panic("envelope: internal error: " + err.Error())
	}
	return lru
}

// put is the only way into the cache, as left is the only way out. c.mu is held.
func (e *entry) put(into *simplelru.LRU[place, *entry]) {
	e.inCache = true
	e.mount.cached++
	into.Add(e.place, e)
}

func (e *entry) left() {
	e.inCache = false
	e.mount.cached--
	e.eraseIfUnused()
}

func (e *entry) eraseIfUnused() {
	if e.inCache || e.users > 0 {
		return
	}
	delete(e.mount.unshared, e)
	if e.key != nil {
		e.key.Clear()
	}
}

// find returns what is cached and has not expired. c.mu is held.
func (c *Cache) find(p place, u Use) *entry {
	from, to := c.newest, c.others
	if u.Newest {
		from, to = to, from
	}
	e, ok := to.Get(p)
	if !ok {
		if e, ok = from.Peek(p); !ok {
			return nil
		}
		// It became the newest, or no longer is: it moves to the other list, and must not be erased on the way.
		e.users++
		from.Remove(p)
		e.users--
		e.put(to)
	}
	if c.clock().since(e.sent) >= u.TTL {
		to.Remove(p)
		return nil
	}
	if u.TTL < e.ttl {
		c.sweepIn(u.TTL)
	}
	e.ttl = u.TTL
	return e
}

// add stores an entry and makes room for it. c.mu is held.
func (c *Cache) add(e *entry, newest bool) {
	into := c.others
	if newest {
		into = c.newest
	}
	c.newest.Remove(e.place)
	c.others.Remove(e.place)
	e.put(into)
	if c.newest.Len()+c.others.Len() > c.options.Max {
		if _, _, ok := c.others.RemoveOldest(); !ok {
			c.newest.RemoveOldest()
		}
	}
	c.sweepIn(e.ttl)
}

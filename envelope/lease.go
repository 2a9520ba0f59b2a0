package envelope

import "time"

// A Lease is the use of a data key by one request. It must be released, once.
type Lease struct {
	cache *Cache
	entry *entry
	ttl   time.Duration
	// hit says that the data key was cached, and asked that the request has asked KMS itself.
	hit, asked bool
}

// Key returns the data key, which is valid until Release.
func (l *Lease) Key() *Key { return l.entry.key }

// Hit reports whether the data key was cached, so that the request did not wait for KMS.
func (l *Lease) Hit() bool { return l.hit }

// Valid reports whether the data key may still be used. It is checked after each use, and so for each item of a batch:
// if it is false, the result must not be returned.
func (l *Lease) Valid() bool {
	return !l.entry.gone.Load() && (l.ttl == 0 || l.cache.clock().since(l.entry.sent) < l.ttl)
}

// ValidOnce is Valid for the first use after Acquire. If Acquire has asked KMS itself, the answer holds for that use
// however long it took, as with a TTL of 0: otherwise nothing would work where KMS takes longer than TTL.
func (l *Lease) ValidOnce() bool { return l.asked && !l.entry.gone.Load() || l.Valid() }

// Release ends the use.
func (l *Lease) Release() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	l.entry.users--
	l.entry.eraseIfUnused()
}

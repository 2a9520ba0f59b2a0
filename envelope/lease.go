package envelope

import "time"

// A Lease is the use of a data key by one request. It must be released, once.
type Lease struct {
	cache *Cache
	entry *entry
	ttl   time.Duration
	hit   bool
}

// Key returns the data key, which is valid until Release.
func (l *Lease) Key() *Key { return l.entry.key }

// Hit reports whether the data key was cached, so that the request did not wait for KMS.
func (l *Lease) Hit() bool { return l.hit }

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
	if l.entry.users == 0 {
		delete(l.entry.mount.unshared, l.entry)
	}
	l.entry.eraseIfUnused()
}

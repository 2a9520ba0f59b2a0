package once

import (
	"sync"
	"time"
)

// Recent remembers names for a while, so that what has just failed is not tried again at once. Its memory is bounded:
// it starts over when it is full.
type Recent struct {
	span time.Duration
	now  func() time.Time

	mu    sync.RWMutex // guards noted
	noted map[string]time.Time
}

// NewRecent returns a Recent that remembers a name for span by the clock now.
func NewRecent(span time.Duration, now func() time.Time) *Recent {
	return &Recent{span: span, now: now, noted: map[string]time.Time{}}
}

// Note remembers name from now on.
func (r *Recent) Note(name string) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.noted) >= maxSeen {
		clear(r.noted)
	}
	r.noted[name] = now
}

// Has reports whether name is remembered.
func (r *Recent) Has(name string) bool {
	r.mu.RLock()
	at, ok := r.noted[name]
	r.mu.RUnlock()
	return ok && r.now().Sub(at) < r.span
}

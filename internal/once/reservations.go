package once

import "sync"

// Reservations let one request at a time change a thing. Nobody waits: a second request is refused, so that no lock is
// held while the first one talks to storage and KMS.
type Reservations struct {
	mu    sync.Mutex // guards taken
	taken map[string]struct{}
}

// NewReservations returns reservations of which none is taken.
func NewReservations() *Reservations { return &Reservations{taken: map[string]struct{}{}} }

// Take reserves name and returns the function that releases it. It returns false if name is reserved already.
func (r *Reservations) Take(name string) (release func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.taken[name]; busy {
		return nil, false
	}
	r.taken[name] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.taken, name)
	}, true
}

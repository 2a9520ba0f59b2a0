package once

import (
	"context"
	"sync"
)

// Reservations let one request at a time change a thing. They are not locks: a holder may talk to storage and KMS
// meanwhile. A second request is refused by Take, and waits in Wait.
type Reservations struct {
	mu    sync.Mutex               // guards taken
	taken map[string]chan struct{} // closed once the reservation is released
}

// NewReservations returns reservations, none of them taken.
func NewReservations() *Reservations { return &Reservations{taken: map[string]chan struct{}{}} }

// Take reserves name and returns the function that releases it. It returns false if name is reserved already.
func (r *Reservations) Take(name string) (release func(), ok bool) {
	release, _ = r.take(name)
	return release, release != nil
}

// Wait is Take for a request that waits its turn. It returns ctx's error if ctx ends first. A request that waits must
// have no other reservation, or two of them may wait for each other.
func (r *Reservations) Wait(ctx context.Context, name string) (release func(), err error) {
	for {
		release, released := r.take(name)
		if release != nil {
			return release, nil
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take returns either the function that releases name, or, if name is reserved, a channel that is closed on its
// release.
func (r *Reservations) take(name string) (release func(), released <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if held, busy := r.taken[name]; busy {
		return nil, held
	}
	done := make(chan struct{})
	r.taken[name] = done
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.taken[name] == done { // It was not released before.
			delete(r.taken, name)
			close(done)
		}
	}, nil
}

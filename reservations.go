package alicloudkms

import "sync"

// reservations let one request at a time change a thing. Nobody waits: a second request is refused, so that no lock is
// held while the first one talks to storage and KMS.
type reservations struct {
	mu    sync.Mutex // guards taken
	taken map[string]struct{}
}

func newReservations() *reservations { return &reservations{taken: map[string]struct{}{}} }

// take reserves name and returns how to release it, and false if it is reserved.
func (r *reservations) take(name string) (release func(), ok bool) {
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

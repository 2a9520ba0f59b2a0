package alicloudkms

import (
	"context"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
)

// leases are the data keys of one request. It asks KMS at most once for each, even if it is a batch and caching is off.
type leases struct {
	// drops is how many times data keys of the mount had been dropped before the request began.
	drops uint64

	mu   sync.Mutex // guards the fields below, and is not held during a call
	held map[envelope.Ref]*hold
	// over are leases that may no longer be used. Other items may still be using them.
	over []*envelope.Lease
}

// leasesKey is the key of the [leases] in the context of a request.
type leasesKey struct{}

// holdingDataKeys returns ctx with the data keys that a request will hold until release. It must be called before the
// request reads the key's entry and the configuration.
func (b *backend) holdingDataKeys(ctx context.Context) (held context.Context, release func()) {
	l := &leases{drops: b.dataKeys.Drops()}
	return context.WithValue(ctx, leasesKey{}, l), l.release
}

// A hold is a data key that a request has, or is getting.
type hold struct {
	ready chan struct{}
	// These are set before ready is closed.
	lease *envelope.Lease
	err   error
}

// get returns a data key that the request holds and may use, or else the result of acquire. It is valid until release.
// isNew says that the caller has waited for acquire.
func (l *leases) get(
	ref envelope.Ref, acquire func() (*envelope.Lease, error),
) (lease *envelope.Lease, isNew bool, err error) {
	h, mine := l.take(ref)
	if mine {
		h.lease, h.err = acquire()
		close(h.ready)
		return h.lease, true, h.err
	}
	select {
	case <-h.ready:
	default:
		isNew = true
		<-h.ready
	}
	return h.lease, isNew, h.err
}

// take returns the hold of a data key. If mine is true, the caller must fill it.
func (l *leases) take(ref envelope.Ref) (h *hold, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h = l.held[ref]
	if h != nil && !h.isOver() {
		return h, false
	}
	if h != nil {
		l.over = append(l.over, h.lease)
	}
	if l.held == nil {
		l.held = map[envelope.Ref]*hold{}
	}
	h = &hold{ready: make(chan struct{})}
	l.held[ref] = h
	return h, true
}

// isOver reports whether another hold must take the place of this one. A hold for which KMS refused or did not answer
// stays, so that KMS is not asked again for each item.
func (h *hold) isOver() bool {
	select {
	case <-h.ready:
		return h.err == nil && !h.lease.Valid()
	default:
		return false
	}
}

// release ends the use of all data keys of the request.
func (l *leases) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.held {
		if h.lease != nil {
			l.over = append(l.over, h.lease)
		}
	}
	for _, lease := range l.over {
		lease.Release()
	}
	l.held, l.over = nil, nil
}

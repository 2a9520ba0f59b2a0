package once

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxFresh bounds how many values are kept.
const maxFresh = 1000

// A Fresh keeps what was asked for over a network, by name, for a short while. Callers that ask for the same name at
// the same time share one load. It never holds its lock during a load. A load that began before ForgetAll serves only
// the callers that already wait for it, so that later callers see what has changed.
type Fresh[V any] struct {
	span time.Duration
	now  func() time.Time

	mu    sync.Mutex // guards loads
	loads map[string]*load[V]
}

// A load is under way, or has succeeded.
type load[V any] struct {
	begun time.Time
	// done is closed once value and err are set.
	done  chan struct{}
	value V
	err   error
}

// NewFresh returns a Fresh whose values are at most span old by the clock now.
func NewFresh[V any](span time.Duration, now func() time.Time) *Fresh[V] {
	return &Fresh[V]{span: span, now: now, loads: map[string]*load[V]{}}
}

// Get returns the value called name, and calls fetch if there is none that is fresh. The value and the error may be
// shared with other callers, and must not be changed. An error is not kept. A caller whose ctx ends stops waiting; if
// the request that runs a load ends, a caller that waits for it loads itself.
func (f *Fresh[V]) Get(ctx context.Context, name string, fetch func() (V, error)) (V, error) {
	for {
		l, mine := f.join(name)
		if mine {
			f.run(name, l, fetch)
			return l.value, l.err
		}
		select {
		case <-l.done:
			if !isEnd(l.err) {
				return l.value, l.err
			}
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
}

// ForgetAll drops all values. Loads that are under way are not kept.
func (f *Fresh[V]) ForgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.loads)
}

// join returns the load of a name that is fresh, or a new one, which the caller must run.
func (f *Fresh[V]) join(name string) (l *load[V], mine bool) {
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.loads[name]; l != nil && now.Sub(l.begun) < f.span {
		return l, false
	}
	if len(f.loads) >= maxFresh {
		f.makeRoom(now)
	}
	l = &load[V]{begun: now, done: make(chan struct{}), err: errAbandoned}
	f.loads[name] = l
	return l, true
}

// errAbandoned is the error of a load that panicked.
var errAbandoned = errors.New("the request that others waited for has failed")

// makeRoom drops what is too old, or everything if nothing is. It must be called with the lock held.
func (f *Fresh[V]) makeRoom(now time.Time) {
	for name, l := range f.loads {
		if now.Sub(l.begun) >= f.span {
			delete(f.loads, name)
		}
	}
	if len(f.loads) >= maxFresh {
		clear(f.loads)
	}
}

func (f *Fresh[V]) run(name string, l *load[V], fetch func() (V, error)) {
	defer func() {
		f.mu.Lock()
		if l.err != nil && f.loads[name] == l {
			delete(f.loads, name)
		}
		f.mu.Unlock()
		close(l.done)
	}()
	l.value, l.err = fetch()
}

// isEnd reports whether a load failed because the request that ran it had ended.
func isEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

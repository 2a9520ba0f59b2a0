// Package budget bounds how much requests hold at the same time. A request that does not fit is refused rather than
// queued, because it would hold its own input while it waits.
package budget

import "sync"

// A Budget is an amount that requests take parts of. It is safe for concurrent use.
type Budget struct {
	size   int64
	within *Budget

	mu   sync.Mutex // guards held; it is locked before that of within
	held int64
}

// New returns a budget of size, with nothing taken. Unless within is nil, whatever is taken from the budget is also
// taken from within.
func New(size int64, within *Budget) *Budget { return &Budget{size: size, within: within} }

// Size returns the whole amount.
func (b *Budget) Size() int64 { return b.size }

// Take takes n, and returns the function that gives it back. It returns false if less than n is left, here or in the
// budget that this one is within.
func (b *Budget) Take(n int64) (release func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.size-b.held {
		return nil, false
	}
	outer := func() {}
	if b.within != nil {
		if outer, ok = b.within.Take(n); !ok {
			return nil, false
		}
	}
	b.held += n
	return sync.OnceFunc(func() { b.release(n); outer() }), true
}

func (b *Budget) release(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held -= n
}

package envelope

import "time"

// Drop erases the data keys of a key of the engine, and keeps nothing that calls which are under way will bring. Leases
// of them are no longer valid.
func (c *Cache) Drop(name string) { c.dropIf(func(r Ref) bool { return r.Name == name }) }

// DropAll is Drop for every key.
func (c *Cache) DropAll() { c.dropIf(func(Ref) bool { return true }) }

// Close drops everything. The cache keeps nothing from then on; requests that still use it make calls of their own.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.DropAll()
}

func (c *Cache) dropIf(dropped func(Ref) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, refs := range [][]Ref{c.newest.Keys(), c.others.Keys()} {
		for _, r := range refs {
			if dropped(r) {
				c.remove(r)
			}
		}
	}
	for r := range c.flights {
		if dropped(r) {
			delete(c.flights, r)
		}
	}
	// What comes next may have a shorter time.
	if c.sweeper != nil && c.newest.Len()+c.others.Len() == 0 {
		c.sweeper.Stop()
		c.sweeper = nil
	}
}

// remove drops a data key that may not be used any longer. c.mu is held.
func (c *Cache) remove(r Ref) {
	for _, lru := range []interface {
		Peek(Ref) (*entry, bool)
		Remove(Ref) bool
	}{c.newest, c.others} {
		if e, ok := lru.Peek(r); ok {
			e.gone.Store(true)
			lru.Remove(r)
		}
	}
}

// sweep erases what has expired unused, and comes back for what is left.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, next := c.clock(), time.Duration(0)
	for _, lru := range []interface {
		Keys() []Ref
		Peek(Ref) (*entry, bool)
		Remove(Ref) bool
	}{c.newest, c.others} {
		for _, r := range lru.Keys() {
			e, _ := lru.Peek(r)
			left := e.ttl - now.since(e.sent)
			switch {
			case left <= 0:
				lru.Remove(r)
			case next == 0 || left < next:
				next = left
			}
		}
	}
	c.sweeper = nil
	if next > 0 {
		c.sweeper = time.AfterFunc(next, c.sweep)
	}
}

// Stats are counters of a cache since it was made.
type Stats struct {
	// Hits are the uses that needed no call to KMS, and Calls the calls, of which KMS has refused Refusals.
	Hits, Calls, Refusals uint64
	// Cached is how many data keys are cached now.
	Cached int
}

// Stats returns the counters.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Hits: c.hits.Load(), Calls: c.calls.Load(), Refusals: c.refusals.Load(), Cached: c.newest.Len() + c.others.Len(),
	}
}

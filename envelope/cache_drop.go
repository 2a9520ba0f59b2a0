package envelope

import (
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

func (c *Cache) lrus() [2]*simplelru.LRU[place, *entry] {
	return [...]*simplelru.LRU[place, *entry]{c.newest, c.others}
}

// dropIf drops the mount's data keys for which dropped is true: those cached, in use, and under way. c.mu is held.
func (m *Mount) dropIf(dropped func(Ref) bool) {
	c := m.cache
	m.drops.Add(1)
	for e := range m.unshared {
		if dropped(e.ref) {
			e.gone.Store(true)
		}
	}
	for _, lru := range c.lrus() {
		if m.cached == 0 {
			break
		}
		for _, e := range lru.Values() {
			if e.mount == m && dropped(e.ref) {
				c.remove(e.place)
			}
		}
	}
	for e := range m.unshared {
		if dropped(e.ref) {
			e.gone.Store(true)
		}
	}
	for p := range c.flights {
		if p.mount == m && dropped(p.ref) {
			delete(c.flights, p)
		}
	}
	if c.newest.Len()+c.others.Len() == 0 {
		c.sweeper.Stop()
		c.sweepAt = time.Time{}
	}
}

// remove drops a data key that must no longer be used. c.mu is held.
func (c *Cache) remove(p place) {
	for _, lru := range c.lrus() {
		if e, ok := lru.Peek(p); ok {
			e.gone.Store(true)
			lru.Remove(p)
		}
	}
}

// sweep erases keys that have expired unused, and schedules itself for the rest.
func (c *Cache) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, next := c.clock(), time.Duration(0)
	for _, lru := range c.lrus() {
		for _, e := range lru.Values() {
			left := e.ttl - now.since(e.sent)
			switch {
			case left <= 0:
				lru.Remove(e.place)
			case next == 0 || left < next:
				next = left
			}
		}
	}
	c.sweepAt = time.Time{}
	if next > 0 {
		c.sweepIn(next)
	}
}

// sweepIn makes the sweeper run after wait, or earlier. c.mu is held.
func (c *Cache) sweepIn(wait time.Duration) {
	if at := time.Now().Add(wait); c.sweepAt.IsZero() || at.Before(c.sweepAt) {
		c.sweepAt = at
		c.sweeper.Reset(wait)
	}
}

package once

import "sync"

// A Cache keeps what was loaded from storage, by name. It never holds its lock during a load. Instead, each Forget
// starts a new generation, and a value loaded in an older generation is not kept: a load that began before a write
// can't bring back what the write replaced.
type Cache[V any] struct {
	// discard is called, without the lock, for every value that leaves the cache or lost a race to enter it.
	discard func(*V)

	mu         sync.RWMutex // guards the fields below
	generation uint64
	values     map[string]*V
}

// NewCache returns an empty cache. It calls discard for every value that it drops, and for none twice.
func NewCache[V any](discard func(*V)) *Cache[V] {
	return &Cache[V]{discard: discard, values: map[string]*V{}}
}

// Get returns the value called name, and calls load if it is not cached. A nil value from load means that there is
// none, and is not kept.
func (c *Cache[V]) Get(name string, load func() (*V, error)) (*V, error) {
	c.mu.RLock()
	value, generation := c.values[name], c.generation
	c.mu.RUnlock()
	if value != nil {
		return value, nil
	}
	value, err := load()
	if err != nil || value == nil {
		return nil, err
	}
	return c.keep(name, value, generation), nil
}

// keep stores value unless something was forgotten since generation, and returns the value to use: another load may
// have been faster. A value too old to be kept still serves the request that loaded it, which began before the change.
func (c *Cache[V]) keep(name string, value *V, generation uint64) *V {
	c.mu.Lock()
	first := c.values[name]
	if c.generation == generation && first == nil {
		c.values[name] = value
	}
	c.mu.Unlock()
	if first == nil {
		return value
	}
	c.discard(value)
	return first
}

// Forget drops the value called name, and keeps out whatever is being loaded.
func (c *Cache[V]) Forget(name string) {
	c.mu.Lock()
	value := c.values[name]
	delete(c.values, name)
	c.generation++
	c.mu.Unlock()
	if value != nil {
		c.discard(value)
	}
}

// ForgetAll drops everything, and keeps out whatever is being loaded.
func (c *Cache[V]) ForgetAll() {
	c.mu.Lock()
	values := c.values
	c.values = map[string]*V{}
	c.generation++
	c.mu.Unlock()
	for _, value := range values {
		c.discard(value)
	}
}

// Len returns how many values are cached.
func (c *Cache[V]) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.values)
}

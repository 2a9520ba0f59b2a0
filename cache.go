package alicloudkms

import "sync"

// A cache keeps what was loaded from storage, by name. It never holds its lock during a load. Instead, each forget starts
// a new generation, and what was loaded in an older one is not kept: a load that began before a write can't bring back
// what the write replaced.
type cache[V any] struct {
	// discard is called, without the lock, for every value that leaves the cache or was made in vain.
	discard func(*V)

	mu         sync.RWMutex // guards the fields below
	generation uint64
	values     map[string]*V
}

func newCache[V any](discard func(*V)) *cache[V] {
	return &cache[V]{discard: discard, values: map[string]*V{}}
}

// get returns the value called name, from load if it is not cached. A nil value means that there is none, and is not kept.
func (c *cache[V]) get(name string, load func() (*V, error)) (*V, error) {
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

// keep stores value unless something was forgotten since generation, and returns the value to use: another load may have
// been faster. A value that is too old to be kept still serves the request that loaded it, which began before the change.
func (c *cache[V]) keep(name string, value *V, generation uint64) *V {
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

// forget drops the value called name, and whatever is being loaded.
func (c *cache[V]) forget(name string) {
	c.mu.Lock()
	value := c.values[name]
	delete(c.values, name)
	c.generation++
	c.mu.Unlock()
	if value != nil {
		c.discard(value)
	}
}

// forgetAll drops everything.
func (c *cache[V]) forgetAll() {
	c.mu.Lock()
	values := c.values
	c.values = map[string]*V{}
	c.generation++
	c.mu.Unlock()
	for _, value := range values {
		c.discard(value)
	}
}

package keyindex

import (
	"sync"
	"time"
)

// Index is an index of the keys of one account and region. It is safe for parallel use.
//
// A new index only gathers changes. Its owner then calls [Index.Load] to read all keys, in a state from before or after
// any of these changes.
type Index struct {
	mu sync.RWMutex
	// gathered are the changes before the index is loaded, by id, with nil for a key that is gone. It is nil once the
	// index is loaded.
	gathered map[string]*Key
	content  *content
}

// New returns an index that is not loaded yet.
func New() *Index { return &Index{gathered: map[string]*Key{}} }

// Loader takes the keys that an [Index] is loaded with.
type Loader struct{ content *content }

// Add adds a key.
func (l Loader) Add(k Key) { l.content.put(k) }

// AddTags gives a key that was added without tags its tags. The caller may change the map afterwards.
func (l Loader) AddTags(id string, tags map[string]string) {
	if e := l.content.entries[id]; e != nil {
		l.content.setTags(e, tags)
	}
}

// Load fills the index by read. After that the index can be used, unless read returns an error.
func (x *Index) Load(read func(Loader) error) error {
	c := newContent()
	if err := read(Loader{c}); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, k := range x.gathered {
		if k == nil {
			c.remove(id)
		} else {
			c.put(*k)
		}
	}
	x.content, x.gathered = c, nil
	return nil
}

// Put reports that a key is new or has changed.
func (x *Index) Put(k Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.content == nil {
		x.gathered[k.ID] = &k
		return
	}
	x.content.put(k)
}

// Remove reports that the key called id no longer exists.
func (x *Index) Remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.content == nil {
		x.gathered[id] = nil
		return
	}
	x.content.remove(id)
}

// Page returns a page of the ids of the keys that pass f at now, in order, and their total number. Pages are counted
// from 1, and have size ids, at least 1. The index must be loaded. Changes that were due at now are not undone for a
// later call with an earlier time.
func (x *Index) Page(now time.Time, f Filter, number, size int) (ids []string, total int) {
	x.settle(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := x.content.matches(f)
	total = found.size()
	if number > total/size+1 { // The number of ids before such a page could overflow an int.
		return []string{}, total
	}
	return found.page((number-1)*size, size), total
}

func (x *Index) settle(now time.Time) {
	x.mu.RLock()
	due := x.content.queue.isDue(now)
	x.mu.RUnlock()
	if due {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.content.settle(now)
	}
}

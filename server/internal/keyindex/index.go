package keyindex

import (
	"sync"
	"time"
)

// Index is the keys of one account and region. It is safe for parallel use.
//
// A new one only gathers changes. Its owner then has [Index.Load] read all keys, which may be from before any of these
// changes or after.
type Index struct {
	mu sync.RWMutex
	// gathered are the changes before the index is loaded, nil for a key that is gone. It is nil once the index is loaded.
	gathered map[string]*Key
	content  *content
}

// New returns an index that is not loaded yet.
func New() *Index { return &Index{gathered: map[string]*Key{}} }

// Loader takes the keys that an [Index] is loaded with.
type Loader struct{ content *content }

// Add adds a key.
func (l Loader) Add(k Key) { l.content.put(k) }

// AddTags gives a key its tags, if it was added without. They may be changed afterwards.
func (l Loader) AddTags(id string, tags map[string]string) {
	if e := l.content.entries[id]; e != nil {
		l.content.setTags(e, tags)
	}
}

// Load has read fill the index, which can be used then, unless it returns an error.
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

// Remove reports that there is no key called id any longer.
func (x *Index) Remove(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.content == nil {
		x.gathered[id] = nil
		return
	}
	x.content.remove(id)
}

// Page returns a page of the ids of the keys that f lets through at now, in their order, and the number of all of them.
// Pages are counted from 1, and have size ids, at least 1. The index has been loaded. What time has changed at now is
// not undone for an earlier time.
func (x *Index) Page(now time.Time, f Filter, number, size int) (ids []string, total int) {
	x.settle(now)
	x.mu.RLock()
	defer x.mu.RUnlock()
	found := x.content.matches(f)
	total = found.size()
	if number > total/size+1 { // The number of ids before such a page may be more than an int can hold.
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

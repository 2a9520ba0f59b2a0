package keyindex

import (
	"slices"
	"strings"
	"time"
)

// Class has the properties of a key that filters compare, except for its tags. There are few classes, however many keys
// there are.
type Class struct {
	State, Spec, Usage, ProtectionLevel string
	// Instance is the KMS instance that the key is in, or empty if it is in none.
	Instance string
}

// clone returns a copy with strings of its own: the caller's may be parts of longer strings, which would stay in
// memory.
func (c Class) clone() Class {
	return Class{
		State: strings.Clone(c.State), Spec: strings.Clone(c.Spec), Usage: strings.Clone(c.Usage),
		ProtectionLevel: strings.Clone(c.ProtectionLevel), Instance: strings.Clone(c.Instance),
	}
}

// Key is a key as the owner of an [Index] describes it.
type Key struct {
	ID string
	Class
	Tags map[string]string
	// Changes are the changes that time will make to the key, the earliest first.
	Changes []Change
}

// Change is a change of a key by time.
type Change struct {
	At time.Time
	// Gone means that the key no longer exists. Otherwise Class is its class from then on.
	Gone bool
	Class
}

// entry is a key in an index.
type entry struct {
	id    string
	class *class
	tags  []tag
	// changes are the pending changes.
	changes []Change
	// due is the entry's index in the queue, or notDue.
	due int
}

// class is the set of the keys of a class.
type class struct {
	Class
	set
}

// tag is one tag of a key, as the set of the keys that have its tag key and the set of those that have its value.
type tag struct{ key, value *tagSet }

// tagSet is the set of the keys that have a tag key or a tag value.
type tagSet struct {
	text string
	set
	// under is the only tag key that a value has been under since the set was made. It is nil for a value that has been
	// under several, and for a tag key.
	under *tagSet
}

// hasKey reports whether the entry has a tag whose key is in some.
func (e *entry) hasKey(some []*tagSet) bool {
	return len(some) > 0 && slices.ContainsFunc(e.tags, func(t tag) bool { return slices.Contains(some, t.key) })
}

// hasValue reports whether the entry has a tag whose value is in some.
func (e *entry) hasValue(some []*tagSet) bool {
	return len(some) > 0 && slices.ContainsFunc(e.tags, func(t tag) bool { return slices.Contains(some, t.value) })
}

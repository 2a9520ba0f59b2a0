package keyindex

import (
	"slices"
	"strings"
	"time"
)

// Class is what filters compare of a key, but for its tags. There are few classes, whatever the number of keys.
type Class struct {
	State, Spec, Usage, ProtectionLevel string
	// Instance is the KMS instance that the key is in, and empty if it is in none.
	Instance string
}

// clone returns the class in strings of its own: those of a caller may be parts of longer ones.
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
	// Changes are what time will make of the key, the earliest first.
	Changes []Change
}

// Change is what time makes of a key.
type Change struct {
	At time.Time
	// Gone means that the key no longer exists. Otherwise Class is the one that it has from then on.
	Gone bool
	Class
}

// entry is a key in an index.
type entry struct {
	id    string
	class *class
	tags  []tag
	// changes are those to come.
	changes []Change
	// due is the place in the queue of entries that have changes to come.
	due int
}

// class is the keys of a class.
type class struct {
	Class
	set
}

// tag is one tag of a key, as the keys that have its key, and those that have its value.
type tag struct{ key, value *tagSet }

// tagSet is the keys that have a tag with a key, or with a value.
type tagSet struct {
	text string
	set
	// under is the tag key that a value has always been under since the set was made. It is nil for a value that has been
	// under several, and for a tag key.
	under *tagSet
}

// hasKey reports whether the entry has a tag whose key is one of some.
func (e *entry) hasKey(some []*tagSet) bool {
	return len(some) > 0 && slices.ContainsFunc(e.tags, func(t tag) bool { return slices.Contains(some, t.key) })
}

// hasValue reports whether the entry has a tag whose value is one of some.
func (e *entry) hasValue(some []*tagSet) bool {
	return len(some) > 0 && slices.ContainsFunc(e.tags, func(t tag) bool { return slices.Contains(some, t.value) })
}

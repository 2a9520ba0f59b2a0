package keyindex

import (
	"slices"
	"strings"
	"time"
)

// content has the keys of an index and the sets that they are in.
type content struct {
	entries map[string]*entry
	classes map[Class]*class
	// tagKeys and tagValues have no empty sets.
	tagKeys, tagValues map[string]*tagSet
	queue              queue
}

func newContent() *content {
	return &content{
		entries: map[string]*entry{}, classes: map[Class]*class{},
		tagKeys: map[string]*tagSet{}, tagValues: map[string]*tagSet{},
	}
}

// put adds a key, or replaces what is known about it.
func (c *content) put(k Key) {
	e := c.entries[k.ID]
	if e == nil {
		e = &entry{id: strings.Clone(k.ID), due: notDue}
		c.entries[e.id] = e
	}
	c.setClass(e, k.Class)
	c.setTags(e, k.Tags)
	var changes []Change
	for _, change := range k.Changes {
		change.Class = change.clone()
		changes = append(changes, change)
	}
	c.queue.schedule(e, changes)
}

// remove removes a key, if there is one with that id.
func (c *content) remove(id string) {
	e := c.entries[id]
	if e == nil {
		return
	}
	c.queue.schedule(e, nil)
	c.setTags(e, nil)
	c.leaveClass(e)
	delete(c.entries, id)
}

func (c *content) setClass(e *entry, to Class) {
	if e.class != nil && e.class.Class == to {
		return
	}
	c.leaveClass(e)
	joined := c.classes[to]
	if joined == nil {
		joined = &class{Class: to.clone()}
		c.classes[joined.Class] = joined
	}
	joined.add(e)
	e.class = joined
}

func (c *content) leaveClass(e *entry) {
	if e.class == nil {
		return
	}
	if e.class.remove(e); e.class.size == 0 {
		delete(c.classes, e.class.Class)
	}
	e.class = nil
}

// setTags gives an entry tags, and moves it between the sets accordingly.
func (c *content) setTags(e *entry, tags map[string]string) {
	if e.hasTags(tags) {
		return
	}
	before := e.tags
	e.tags = make([]tag, 0, len(tags))
	for key, value := range tags {
		e.tags = append(e.tags, c.tag(key, value))
	}
	join(c.tagKeys, e, setsOf(before, tagKey), setsOf(e.tags, tagKey))
	join(c.tagValues, e, setsOf(before, tagValue), setsOf(e.tags, tagValue))
}

func (e *entry) hasTags(tags map[string]string) bool {
	return len(e.tags) == len(tags) && !slices.ContainsFunc(e.tags, func(t tag) bool {
		value, ok := tags[t.key.text]
		return !ok || value != t.value.text
	})
}

// tag returns a tag with its sets, and makes sets that do not exist yet.
func (c *content) tag(key, value string) tag {
	var t tag
	if t.key = c.tagKeys[key]; t.key == nil {
		t.key = &tagSet{text: strings.Clone(key)}
		c.tagKeys[t.key.text] = t.key
	}
	if t.value = c.tagValues[value]; t.value == nil {
		t.value = &tagSet{text: strings.Clone(value), under: t.key}
		c.tagValues[t.value.text] = t.value
	}
	if t.value.under != t.key {
		t.value.under = nil
	}
	return t
}

func tagKey(t tag) *tagSet   { return t.key }
func tagValue(t tag) *tagSet { return t.value }

// setsOf returns the sets of tags, each once: several tags may share a value.
func setsOf(tags []tag, of func(tag) *tagSet) (sets []*tagSet) {
	for _, t := range tags {
		if s := of(t); !slices.Contains(sets, s) {
			sets = append(sets, s)
		}
	}
	return sets
}

// join removes an entry from the sets that are only in before, and adds it to those that are only in after.
func join(sets map[string]*tagSet, e *entry, before, after []*tagSet) {
	for _, s := range after {
		if !slices.Contains(before, s) {
			s.add(e)
		}
	}
	for _, s := range before {
		if slices.Contains(after, s) {
			continue
		}
		if s.remove(e); s.size == 0 {
			delete(sets, s.text)
		}
	}
}

// settle makes the changes that are due at now.
func (c *content) settle(now time.Time) {
	for c.queue.isDue(now) {
		e := c.queue[0]
		change := e.changes[0]
		if change.Gone {
			c.remove(e.id)
			continue
		}
		c.setClass(e, change.Class)
		c.queue.schedule(e, e.changes[1:])
	}
}

package keyindex

import (
	"cmp"
	"slices"
)

// Filter selects keys. A key passes if it satisfies each part that is not empty.
type Filter struct {
	// Accepts reports whether a class passes; nil accepts every class.
	Accepts func(Class) bool
	// TagKeys and TagValues may match different tags of a key.
	TagKeys, TagValues []string
}

// part is one part of a filter, as the sets of the keys that pass it.
type part struct {
	sets merged
	// apart says that the sets are disjoint.
	apart bool
	// inFirst reports whether an entry is in one of the first n sets.
	inFirst func(e *entry, n int) bool
}

func (p part) has(e *entry) bool { return p.inFirst(e, len(p.sets)) }

// matches returns the entries that pass f, in disjoint sets.
func (c *content) matches(f Filter) merged {
	parts := c.parts(f)
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(a.sets.size(), b.sets.size()) })
	parts = append(parts[:1], slices.DeleteFunc(parts[1:], c.isAll)...)
	if len(parts) == 1 && parts[0].apart {
		return parts[0].sets
	}
	return parts[0].walk(parts[1:])
}

// isAll reports whether every key passes a part.
func (c *content) isAll(p part) bool { return p.apart && p.sets.size() == len(c.entries) }

// walk returns the entries of a part that pass others too. It walks all sets of p.
func (p part) walk(others []part) (found merged) {
	for n, s := range p.sets {
		var run []*entry
		for _, chunk := range s.chunks {
			for _, e := range chunk {
				if !p.inFirst(e, n) && !slices.ContainsFunc(others, func(other part) bool { return !other.has(e) }) {
					run = append(run, e)
				}
			}
		}
		if len(run) > 0 {
			found = append(found, &set{chunks: [][]*entry{run}, size: len(run)})
		}
	}
	return found
}

// parts returns the parts of a filter. There is at least one.
func (c *content) parts(f Filter) (parts []part) {
	keys, values := c.existing(c.tagKeys, f.TagKeys), c.existing(c.tagValues, f.TagValues)
	if len(f.TagValues) > 0 {
		parts = append(parts, tagPart(values, values.areUnderOne(), (*entry).hasValue))
	}
	if len(f.TagKeys) > 0 && (len(f.TagValues) == 0 || !values.areUnder(keys)) {
		parts = append(parts, tagPart(keys, len(keys) < 2, (*entry).hasKey))
	}
	if f.Accepts != nil || len(parts) == 0 {
		parts = append(parts, c.classPart(f.Accepts))
	}
	return parts
}

// tagSets are different tag keys, or different tag values.
type tagSets []*tagSet

// existing returns the sets called names that exist. If one of them has every key, it is returned alone.
func (c *content) existing(sets map[string]*tagSet, names []string) (found tagSets) {
	for _, name := range names {
		switch s := sets[name]; {
		case s == nil || slices.Contains(found, s):
		case s.size == len(c.entries):
			return tagSets{s}
		default:
			found = append(found, s)
		}
	}
	return found
}

// areUnderOne reports whether no key can have two of the tag values in s, since all of them have always been under one
// tag key.
func (s tagSets) areUnderOne() bool {
	return len(s) < 2 || s[0].under != nil &&
		!slices.ContainsFunc(s, func(v *tagSet) bool { return v.under != s[0].under })
}

// areUnder reports whether every key with one of the tag values in s also has one of the tag keys, since the values
// have always been under them.
func (s tagSets) areUnder(keys tagSets) bool {
	return !slices.ContainsFunc(s, func(v *tagSet) bool { return !slices.Contains(keys, v.under) })
}

// tagPart returns the part that entries in any of the wanted sets pass; has reports whether an entry is in one of some
// sets.
func tagPart(wanted tagSets, apart bool, has func(*entry, []*tagSet) bool) part {
	p := part{apart: apart, inFirst: func(e *entry, n int) bool { return has(e, wanted[:n]) }}
	for _, s := range wanted {
		p.sets = append(p.sets, &s.set)
	}
	return p
}

func (c *content) classPart(accepts func(Class) bool) part {
	p := part{apart: true}
	var accepted []*class
	for _, found := range c.classes {
		if accepts == nil || accepts(found.Class) {
			accepted = append(accepted, found)
			p.sets = append(p.sets, &found.set)
		}
	}
	p.inFirst = func(e *entry, n int) bool { return slices.Contains(accepted[:n], e.class) }
	return p
}

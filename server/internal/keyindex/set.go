package keyindex

import (
	"cmp"
	"slices"
)

// maxChunk balances the two parts of a change: finding a chunk, and moving the entries within it.
const maxChunk = 512

// A set has entries in the order of their ids. They are divided into chunks, none of them empty, so that a change moves
// few entries.
type set struct {
	chunks [][]*entry
	size   int
}

// chunkOf returns the index of the first chunk that does not end before id, or the number of chunks if there is none.
func (s *set) chunkOf(id string) int {
	at, _ := slices.BinarySearchFunc(s.chunks, id, func(chunk []*entry, id string) int {
		return cmp.Compare(chunk[len(chunk)-1].id, id)
	})
	return at
}

// placeIn returns the index of id in a chunk, or where it would be inserted.
func placeIn(chunk []*entry, id string) (at int, ok bool) {
	return slices.BinarySearchFunc(chunk, id, func(e *entry, id string) int { return cmp.Compare(e.id, id) })
}

// add adds an entry that the set does not have.
func (s *set) add(e *entry) {
	s.size++
	if len(s.chunks) == 0 {
		s.chunks = [][]*entry{{e}}
		return
	}
	n := len(s.chunks) - 1
	at := len(s.chunks[n])
	if s.chunks[n][at-1].id > e.id { // Otherwise it comes last, as every entry does when an index is loaded.
		n = s.chunkOf(e.id)
		at, _ = placeIn(s.chunks[n], e.id)
	}
	if s.chunks[n] = slices.Insert(s.chunks[n], at, e); len(s.chunks[n]) > maxChunk {
		s.split(n)
	}
}

// split divides a chunk in two. The last chunk is not divided in the middle, so that entries that come in order fill
// chunks.
func (s *set) split(n int) {
	chunk, half := s.chunks[n], maxChunk/2
	if n == len(s.chunks)-1 {
		half = maxChunk
	}
	s.chunks[n] = slices.Clip(slices.Clone(chunk[:half]))
	s.chunks = slices.Insert(s.chunks, n+1, slices.Clone(chunk[half:]))
}

// remove removes an entry that the set has.
func (s *set) remove(e *entry) {
	s.size--
	n := s.chunkOf(e.id)
	at, _ := placeIn(s.chunks[n], e.id)
	if s.chunks[n] = slices.Delete(s.chunks[n], at, at+1); len(s.chunks[n]) == 0 {
		s.chunks = slices.Delete(s.chunks, n, n+1)
	}
}

// rank returns how many ids in the set are less than id.
func (s *set) rank(id string) (rank int) {
	n := s.chunkOf(id)
	for _, chunk := range s.chunks[:n] {
		rank += len(chunk)
	}
	if n < len(s.chunks) {
		at, _ := placeIn(s.chunks[n], id)
		rank += at
	}
	return rank
}

// position is a place in a set: before an entry, or at the end.
type position struct{ chunk, entry int }

// position returns the place before the n-th entry, counted from 0. n is at most the size.
func (s *set) position(n int) position {
	for i, chunk := range s.chunks {
		if n < len(chunk) {
			return position{i, n}
		}
		n -= len(chunk)
	}
	return position{len(s.chunks), 0}
}

// at returns the n-th entry, counted from 0.
func (s *set) at(n int) *entry { return s.after(s.position(n)) }

// after returns the entry after a place, or nil at the end.
func (s *set) after(p position) *entry {
	if p.chunk == len(s.chunks) {
		return nil
	}
	return s.chunks[p.chunk][p.entry]
}

// next returns the place after the entry that follows p.
func (s *set) next(p position) position {
	if p.entry++; p.entry == len(s.chunks[p.chunk]) {
		return position{p.chunk + 1, 0}
	}
	return p
}

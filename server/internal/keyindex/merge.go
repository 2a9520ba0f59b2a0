package keyindex

// merged is a number of disjoint sets that are read as one.
type merged []*set

func (m merged) size() (size int) {
	for _, s := range m {
		size += s.size
	}
	return size
}

// page returns the ids after the first skip ones, up to size of them, in order.
func (m merged) page(skip, size int) []string {
	size = max(0, min(size, m.size()-skip))
	ids := make([]string, 0, size)
	if size == 0 {
		return ids
	}
	places := make([]position, len(m))
	for i, n := range m.split(skip) {
		places[i] = m[i].position(n)
	}
	for len(ids) < size {
		least := m.least(places)
		ids = append(ids, m[least].after(places[least]).id)
		places[least] = m[least].next(places[least])
	}
	return ids
}

// least returns the index of the set whose next entry is the first of all. There must be an entry left.
func (m merged) least(places []position) (least int) {
	var first *entry
	for i, s := range m {
		if e := s.after(places[i]); e != nil && (first == nil || e.id < first.id) {
			least, first = i, e
		}
	}
	return least
}

// split returns how many of the first skip entries are in each set. skip is less than the size.
//
// It narrows the range of entries in which each set is split. The rank of the widest range's middle among all entries
// shows on which side of the split it is, and with it all entries of all sets that are before it or after it.
func (m merged) split(skip int) (from []int) {
	from = make([]int, len(m))
	if len(m) == 1 {
		from[0] = skip
		return from
	}
	to, ranks := make([]int, len(m)), make([]int, len(m))
	for i, s := range m {
		to[i] = min(s.size, skip)
	}
	for {
		widest := 0
		for i := range m {
			if to[i]-from[i] > to[widest]-from[widest] {
				widest = i
			}
		}
		if to[widest] == from[widest] {
			return from
		}
		middle := (from[widest] + to[widest]) / 2
		id, rank := m[widest].at(middle).id, 0
		for i, s := range m {
			ranks[i] = s.rank(id)
			rank += ranks[i]
		}
		for i := range m {
			if rank < skip {
				from[i] = max(from[i], ranks[i])
			} else {
				to[i] = min(to[i], ranks[i])
			}
		}
		if rank < skip {
			from[widest] = max(from[widest], middle+1)
		}
	}
}

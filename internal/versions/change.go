package versions

import "slices"

// Add returns the table with one more row, unless the version has one.
func (t Table) Add(row Row) Table {
	if t.knows(&row) {
		return t
	}
	t.Rows = append(slices.Clip(slices.Clone(t.Rows)), row)
	return t
}

// Merge returns the table with rows for the versions of the current CMK that have none yet. listed are the versions
// that KMS lists of that CMK, the oldest first. A version that KMS lists before one with a row gets none, since a newer
// version in KMS must have the higher number; it counts as the newest of its CMK. A row whose version was not known
// gets the oldest one that has no row.
func (t Table) Merge(listed []Row) Table {
	t.Rows = slices.Clone(t.Rows)
	known := -1
	for i := range listed {
		if t.knows(&listed[i]) {
			known = i
		}
	}
	if blank := t.blank(); blank != nil {
		if i := slices.IndexFunc(listed, func(r Row) bool { return !t.knows(&r) }); i >= 0 {
			*blank = listed[i]
			known = max(known, i)
		}
	}
	t.Rows = append(t.Rows, listed[known+1:]...)
	t.complete(listed)
	return t
}

// knows reports whether a version of KMS has a row, or had one.
func (t *Table) knows(row *Row) bool {
	return t.IsTrimmed(row.CMK, row.KeyVersionID) ||
		slices.ContainsFunc(t.Rows, func(r Row) bool { return r.is(row.CMK, row.KeyVersionID) })
}

// blank returns the oldest row of the current CMK whose version is not known, and nil if there is none.
func (t *Table) blank() *Row {
	current := t.Current()
	for i := range t.Rows {
		if t.Rows[i].is(current, "") {
			return &t.Rows[i]
		}
	}
	return nil
}

// complete adds to rows what has only now become known of their versions.
func (t *Table) complete(listed []Row) {
	for i := range t.Rows {
		row := &t.Rows[i]
		for j := range listed {
			if row.is(listed[j].CMK, listed[j].KeyVersionID) {
				row.Created, row.PublicKey = or(row.Created, listed[j].Created), or(row.PublicKey, listed[j].PublicKey)
			}
		}
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// AddDataKey returns the table with one more row, for a data key.
func (t Table) AddDataKey(row Row) Table {
	t.Rows = append(slices.Clip(slices.Clone(t.Rows)), row)
	return t
}

// StartAt returns the table with the number of its last row raised to newest, if it is less. The versions from 1 on
// that then have no row still open.
func (t Table) StartAt(newest int) Table {
	if more := newest - t.Newest(); more > 0 {
		t.First += more
		t.Before = 1
	}
	return t
}

// Follow returns the table with rows for another CMK, which is the current one from then on. versions are those of the
// CMK, the oldest first. Versions that already have a row keep it, and the newest gets another one.
func (t Table) Follow(versions ...Row) Table {
	t.Rows = slices.Clone(t.Rows)
	for i, row := range versions {
		if i == len(versions)-1 || !row.IsDataKey() && !t.knows(&row) {
			t.Rows = append(t.Rows, row)
		}
	}
	return t.forgotten()
}

// Trim returns the table without the versions below minimum, which is at most the newest.
func (t Table) Trim(minimum int) Table {
	drop := min(max(minimum-t.First, 0), len(t.Rows)-1)
	dropped, stays := t.Rows[:drop], t.InUse()
	t.First, t.Rows = t.First+drop, slices.Clone(t.Rows[drop:])
	if t.Before > 0 {
		t.Before = max(t.Before, minimum)
	}
	if t.Before >= t.First {
		t.Before = 0
	}
	trimmed := map[string][]string{}
	for cmk, ids := range t.Trimmed {
		trimmed[cmk] = slices.Clone(ids)
	}
	for i := range dropped {
		if row := &dropped[i]; row != stays {
			trimmed[row.CMK] = append(trimmed[row.CMK], row.KeyVersionID)
		}
	}
	t.Trimmed = trimmed
	return t.forgotten()
}

// InUse returns the row of the newest version of the current CMK, and nil if there is none. KMS makes data keys for
// callers with that version, even if all newer rows are data keys of the engine.
func (t *Table) InUse() *Row {
	for i := len(t.Rows) - 1; i >= 0; i-- {
		if row := &t.Rows[i]; row.CMK == t.Current() && !row.IsDataKey() {
			return row
		}
	}
	return nil
}

// forgotten returns the table without trimmed versions that need not be remembered: those that have a row anyway, and
// those of CMKs that have none, whose ciphertexts do not open.
func (t Table) forgotten() Table {
	kept := map[string][]string{}
	for cmk, ids := range t.Trimmed {
		if !t.Has(cmk) {
			continue
		}
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
			return id == "" || slices.ContainsFunc(t.Rows, func(r Row) bool { return r.is(cmk, id) })
		})
		if len(ids) > 0 {
			kept[cmk] = ids
		}
	}
	if t.Trimmed = kept; len(kept) == 0 {
		t.Trimmed = nil
	}
	return t
}

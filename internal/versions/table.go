package versions

import "slices"

// A Row is one version of a key: a version of a CMK, or a data key that a CMK has wrapped.
type Row struct {
	// CMK is the CMK's id.
	CMK string `json:"cmk"`
	// KeyVersionID is KMS's id of the version. It is empty if the row is a data key, or if the id is not known yet:
	// then the row stands for whatever versions the CMK has.
	KeyVersionID string `json:"key_version_id,omitempty"`
	// WrappedKey is a data key as KMS has wrapped it: its CiphertextBlob. Empty for a version of a CMK.
	WrappedKey string `json:"wrapped_key,omitempty"`
	// Created is when the version was made, in KMS's time format. It may be empty.
	Created string `json:"creation_date,omitempty"`
	// PublicKey is the public key of a version of a key pair, in PEM. Empty for a symmetric CMK.
	PublicKey string `json:"public_key,omitempty"`
}

// IsDataKey reports whether the row is a data key, rather than a version of a CMK.
func (r *Row) IsDataKey() bool { return r.WrappedKey != "" }

// is reports whether the row is the row of a version of a CMK.
func (r *Row) is(cmk, keyVersionID string) bool {
	return r.KeyVersionID == keyVersionID && r.CMK == cmk && !r.IsDataKey()
}

// A Table has the versions of a key. A table is a value: methods that change it return another one, which shares no
// memory with it that is written later.
type Table struct {
	// First is the number of the first row: 1, or more once rows were trimmed.
	First int `json:"first"`
	// Before is the oldest version that opens although it has no row, or 0 if there is none: those before First were
	// data keys that only ciphertexts have now.
	Before int `json:"before,omitempty"`
	// Rows are the versions, the oldest first. There is at least one.
	Rows []Row `json:"rows"`
	// Trimmed has KMS's ids of the versions whose rows were dropped, under the CMKs that have other rows still.
	Trimmed map[string][]string `json:"trimmed,omitempty"`
}

// New returns the table of a new key.
func New(rows ...Row) Table { return Table{First: 1, Rows: rows} }

// Newest is the number of the newest version.
func (t *Table) Newest() int { return t.First + len(t.Rows) - 1 }

// Oldest is the number of the oldest version that was not trimmed.
func (t *Table) Oldest() int {
	if t.Before > 0 {
		return t.Before
	}
	return t.First
}

// NewestRow is the row of the newest version.
func (t *Table) NewestRow() *Row { return &t.Rows[len(t.Rows)-1] }

// Current is the CMK of the newest version, which encrypts and signs.
func (t *Table) Current() string { return t.NewestRow().CMK }

// Row returns the row of version n, and nil if there is none. It must not be changed.
func (t *Table) Row(n int) *Row {
	if n < t.First || n > t.Newest() {
		return nil
	}
	return &t.Rows[n-t.First]
}

// CMKs returns the ids of the CMKs that have a row, by their first rows, the oldest first.
func (t *Table) CMKs() (ids []string) {
	for i := range t.Rows {
		if !slices.Contains(ids, t.Rows[i].CMK) {
			ids = append(ids, t.Rows[i].CMK)
		}
	}
	return ids
}

// Has reports whether a CMK has a row.
func (t *Table) Has(cmk string) bool { return t.newestOf(cmk) > 0 }

// newestOf is the number of the newest version of a CMK, and 0 if it has none. Data keys that it has wrapped count only
// if there is no other.
func (t *Table) newestOf(cmk string) int {
	wrapped := 0
	for i := len(t.Rows) - 1; i >= 0; i-- {
		switch row := &t.Rows[i]; {
		case row.CMK != cmk:
		case !row.IsDataKey():
			return t.First + i
		case wrapped == 0:
			wrapped = t.First + i
		}
	}
	return wrapped
}

// Number returns the version that a version of KMS counts as: the newest row that has it, or, if none has, the newest
// of its CMK. It is 0 if the CMK has no row. It allocates nothing.
func (t *Table) Number(cmk, keyVersionID string) int {
	for i := len(t.Rows) - 1; i >= 0; i-- {
		if t.Rows[i].is(cmk, keyVersionID) {
			return t.First + i
		}
	}
	return t.newestOf(cmk)
}

// IsTrimmed reports whether the row of a version of KMS was dropped, so its ciphertexts and signatures are refused.
func (t *Table) IsTrimmed(cmk, keyVersionID string) bool {
	return slices.Contains(t.Trimmed[cmk], keyVersionID)
}

// Opens reports whether ciphertexts of a version of KMS may be opened if minimum is the oldest version that may. Those
// of the newest version of the current CMK always may: KMS has perhaps just made it, and nothing was encrypted with it
// before.
func (t *Table) Opens(cmk, keyVersionID string, minimum int) bool {
	if t.IsTrimmed(cmk, keyVersionID) {
		return false
	}
	n := t.Number(cmk, keyVersionID)
	return n > 0 && (n >= minimum || cmk == t.Current() && n == t.newestOf(cmk))
}

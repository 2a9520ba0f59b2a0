package etcd

import (
	"fmt"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// transaction is the [group.Transaction] of the updates that share a commit. Each update writes to its own copy of the
// records. Keeping the update makes its copy the transaction's records; undoing it drops the copy.
type transaction struct {
	records *records
	// commit writes the records with these changes.
	commit func(*records, []change) error
	// touched are the keys that the kept updates have put or deleted, and bytes is at least the size of their records.
	touched map[string]struct{}
	bytes   int
	// most is the largest number of keys that one update has touched so far.
	most int
}

var _ group.Transaction = (*transaction)(nil)

// Begin implements [group.Transaction].
func (t *transaction) Begin() group.Writer {
	return &writer{reader: reader{records: t.records.snapshot()}, to: t}
}

// Full implements [group.Transaction]. Another update as large as the largest so far would have to be staged.
func (t *transaction) Full() bool { return len(t.touched)+t.most > maxWrites || t.bytes > maxBytes/2 }

// Commit implements [group.Transaction].
func (t *transaction) Commit() error { return t.commit(t.records, t.changes()) }

// Discard implements [group.Transaction].
func (t *transaction) Discard() error { return nil }

// changes returns the last change that the kept updates have made to each key, in key order.
func (t *transaction) changes() []change {
	changes := make([]change, 0, len(t.touched))
	for _, key := range slices.Sorted(maps.Keys(t.touched)) {
		value, ok := t.records.Get(key)
		changes = append(changes, change{key: key, value: value, deleted: !ok})
	}
	return changes
}

// change is the last write to a key within a commit.
type change struct {
	key, value string
	deleted    bool
}

func (c change) size() int { return len(c.key) + len(c.value) }

// writer is a [group.Writer].
type writer struct {
	reader
	to      *transaction
	touched []string
	bytes   int
}

var _ group.Writer = (*writer)(nil)

// Put implements [store.Writer].
func (w *writer) Put(key string, value []byte) error {
	switch {
	case w.records == nil:
		return store.ErrEnded
	case key == "" || len(key) > store.MaxKey:
		return fmt.Errorf("a key has 1 to %d bytes, and this one %d", store.MaxKey, len(key))
	case len(value) > store.MaxValue:
		return fmt.Errorf("a value has at most %d bytes, and this one %d", store.MaxValue, len(value))
	}
	w.records.Set(key, string(value))
	w.touch(key, len(value))
	return nil
}

// Delete implements [store.Writer].
func (w *writer) Delete(key string) error {
	if w.records == nil {
		return store.ErrEnded
	}
	if _, existed := w.records.Delete(key); existed {
		w.touch(key, 0)
	}
	return nil
}

func (w *writer) touch(key string, size int) {
	w.touched = append(w.touched, key)
	w.bytes += len(key) + size
	w.changes++
}

// Keep implements [group.Writer].
func (w *writer) Keep() int {
	w.to.records = w.records
	w.end()
	for _, key := range w.touched {
		w.to.touched[key] = struct{}{}
	}
	w.to.bytes += w.bytes
	w.to.most = max(w.to.most, len(w.touched))
	return len(w.touched)
}

// Undo implements [group.Writer].
func (w *writer) Undo() error {
	w.end()
	return nil
}

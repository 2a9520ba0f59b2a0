package bolt

import (
	"bytes"
	"errors"
	"slices"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// updates is the [group.Transaction] of the updates that share a commit.
type updates struct{ tx *bbolt.Tx }

// begin begins the transaction of a group.
func (s *Store) begin() (group.Transaction, error) {
	tx, err := s.db.Begin(true)
	return updates{tx}, err
}

// Begin implements [group.Transaction].
func (u updates) Begin() group.Writer {
	return &writer{transaction: transaction{bucket: u.tx.Bucket([]byte(bucketName))}}
}

// Full implements [group.Transaction].
func (u updates) Full() bool { return false }

// Commit implements [group.Transaction].
func (u updates) Commit() error { return u.tx.Commit() }

// Discard implements [group.Transaction]. After a commit it does nothing.
func (u updates) Discard() error {
	if err := u.tx.Rollback(); !errors.Is(err, berrors.ErrTxClosed) {
		return err
	}
	return nil
}

// writer is a [group.Writer]. It remembers what it overwrites, so that its update can be undone without the rest of the
// group.
type writer struct {
	transaction
	undo []former
}

// former is the value of a key before a write, nil if there was none.
type former struct{ key, value []byte }

var _ group.Writer = (*writer)(nil)

// Put implements [store.Writer].
func (w *writer) Put(key string, value []byte) error {
	return w.change(key, func(k []byte) error {
		// bbolt keeps the slice until the commit, and takes nil for a missing value.
		return w.bucket.Put(k, append([]byte{}, value...))
	})
}

// Delete implements [store.Writer].
func (w *writer) Delete(key string) error {
	return w.change(key, func(k []byte) error { return w.bucket.Delete(k) })
}

func (w *writer) change(key string, write func(key []byte) error) error {
	if w.bucket == nil {
		return store.ErrEnded
	}
	k := []byte(key)
	before := former{k, bytes.Clone(w.bucket.Get(k))}
	if err := write(k); err != nil {
		return err
	}
	w.undo = append(w.undo, before)
	w.changes++
	return nil
}

// Keep implements [group.Writer].
func (w *writer) Keep() int {
	w.end()
	return len(w.undo)
}

// Undo implements [group.Writer]. It undoes the last write first.
func (w *writer) Undo() error {
	defer w.end()
	for _, before := range slices.Backward(w.undo) {
		var err error
		if before.value == nil {
			err = w.bucket.Delete(before.key)
		} else {
			err = w.bucket.Put(before.key, before.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

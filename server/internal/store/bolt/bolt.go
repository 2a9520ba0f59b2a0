package bolt

import (
	"context"
	"errors"
	"sync"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// Store is a [store.Store] in one bbolt file.
type Store struct {
	db      *bbolt.DB
	updates *group.Group
	close   func() error
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, or creates it; the folder must exist. The file gets mode 0600. The caller
// closes the store. If another process has it open, the error wraps [store.ErrLocked].
func Open(path string, o store.Options) (*Store, error) {
	o = o.WithDefaults()
	db, err := openFile(path, o.Logger)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	s.updates = group.New(s.begin, o, func(error) {})
	s.close = sync.OnceValue(s.shut)
	return s, nil
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return view(ctx, s.db, fn)
}

func view(ctx context.Context, db *bbolt.DB, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.View(func(tx *bbolt.Tx) error {
		r := &transaction{bucket: tx.Bucket([]byte(bucketName))}
		defer r.end()
		return fn(r)
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return store.ErrClosed
	}
	return err
}

// Update implements [store.Store]. It runs fn once.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.updates.Update(ctx, fn)
}

// Err implements [store.Store].
func (s *Store) Err() error { return s.updates.Err() }

// Close implements [store.Store].
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.updates.Close(store.ErrClosed)
	return s.db.Close()
}

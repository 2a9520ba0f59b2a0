package bolt

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Store is a [store.Store] in one bbolt file.
type Store struct {
	db     *bbolt.DB
	log    *slog.Logger
	commit func(updates int, commit func() error) error

	// turns hands the open batch to one update after another. Only the writer goroutine sends.
	turns chan *batch
	// closing is closed by Close, stopped by the writer goroutine when it ends.
	closing, stopped chan struct{}
	// failed is closed, by the writer goroutine, when cause is set. After that cause does not change.
	failed chan struct{}
	cause  error

	close func() error
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
	s := &Store{
		db: db, log: o.Logger, commit: o.Commit,
		turns: make(chan *batch), closing: make(chan struct{}), stopped: make(chan struct{}),
		failed: make(chan struct{}),
	}
	s.close = sync.OnceValue(s.shut)
	go s.write()
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
	if err := s.refusal(ctx); err != nil {
		return err
	}
	select {
	case b := <-s.turns:
		return b.update(ctx, fn)
	case <-ctx.Done():
	case <-s.closing:
	case <-s.failed:
	}
	return s.refusal(ctx)
}

// refusal returns the reason why an update can't run, or nil.
func (s *Store) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return store.ErrClosed
	default:
		return s.Err()
	}
}

// Err implements [store.Store].
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.cause
	default:
		return nil
	}
}

// Close implements [store.Store].
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.stopped
	return s.db.Close()
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Options of [Open]. The zero value is good.
type Options struct {
	// Logger hears of a failed commit; nil discards it.
	Logger *slog.Logger
	// Commit, if it is set, runs in place of every commit, with the number of updates in it, and must call commit itself
	// to have them written. It is there to make a commit fail in tests.
	Commit func(updates int, commit func() error) error
}

// Bolt is a [Store] in one bbolt file.
type Bolt struct {
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

var _ Store = (*Bolt)(nil)

// Open opens the store in the file at path, or makes it there; the folder must exist. The file has mode 0600, and gets it
// if it does not. The caller closes the store. If another process has it open, the error wraps [ErrLocked].
func Open(path string, o Options) (*Bolt, error) {
	s := &Bolt{
		log: o.Logger, commit: o.Commit,
		turns: make(chan *batch), closing: make(chan struct{}), stopped: make(chan struct{}), failed: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.commit == nil {
		s.commit = func(_ int, commit func() error) error { return commit() }
	}
	var err error
	if s.db, err = openFile(path, s.log); err != nil {
		return nil, err
	}
	s.close = sync.OnceValue(s.shut)
	go s.write()
	return s, nil
}

// lockTimeout is how long Open waits for another process to close the store.
const lockTimeout = time.Second

// bucketName is the one bucket of the file.
const bucketName = "records"

func openFile(path string, log *slog.Logger) (*bbolt.DB, error) {
	var opened *os.File
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			opened, err = openPrivate(log, name, flag, mode)
			return opened, err
		},
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", path, ErrLocked)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the store's folder %s must be made first: %w", filepath.Dir(path), err)
	case err != nil:
		return nil, fmt.Errorf("the store %s can't be opened: %w", path, err)
	}
	if err := stillAt(path, opened); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		return err
	})
	if err == nil {
		// A new file is not durable before the entry in its folder is.
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the store %s can't be made ready: %w", path, err), db.Close())
	}
	return db, nil
}

// openPrivate is os.OpenFile, and then takes the file away from everyone but its owner.
func openPrivate(log *slog.Logger, name string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the store could be read by others; its mode is set to 0600", "file", name, "mode", info.Mode().Perm().String())
		err = f.Chmod(0o600)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// View implements [Store].
func (s *Bolt) View(ctx context.Context, fn func(Reader) error) error { return view(ctx, s.db, fn) }

func view(ctx context.Context, db *bbolt.DB, fn func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.View(func(tx *bbolt.Tx) error {
		r := &transaction{bucket: tx.Bucket([]byte(bucketName))}
		defer r.end()
		return fn(r)
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Update implements [Store].
func (s *Bolt) Update(ctx context.Context, fn func(Writer) error) error {
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

// refusal says why an update can't run.
func (s *Bolt) refusal(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return ErrClosed
	default:
		return s.Err()
	}
}

// Err implements [Store].
func (s *Bolt) Err() error {
	select {
	case <-s.failed:
		return s.cause
	default:
		return nil
	}
}

// Close implements [Store]. A second call returns what the first did.
func (s *Bolt) Close() error { return s.close() }

func (s *Bolt) shut() error {
	close(s.closing)
	<-s.stopped
	return s.db.Close()
}

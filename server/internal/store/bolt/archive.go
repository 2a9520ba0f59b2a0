package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Archive is the file of a store that no service has open, or a backup. It is only read, and may be damaged: damage is
// returned as an error that wraps [store.ErrDamaged], never as a panic.
type Archive struct {
	db *bbolt.DB
	// abandoned is set once a verification was stopped before its end. Its goroutine still reads, so the file stays
	// mapped.
	abandoned bool
}

// OpenArchive opens the file at path. If a service has it open, the error wraps [store.ErrLocked]; while the archive is
// open, no service can open it. Errors do not name the file, since path may be that of a temporary copy.
func OpenArchive(path string) (_ *Archive, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File
	defer func() {
		if err != nil && file != nil {
			_ = file.Close() // After a panic it is still open and locked.
		}
	}()
	defer recoverDamage(&err)
	info, err := os.Stat(path)
	if err != nil {
		return nil, durable.Reason(err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, store.ErrDamaged
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, ReadOnly: true, PreLoadFreelist: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	var fault *fs.PathError
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, store.ErrLocked
	case errors.As(err, &fault):
		return nil, fault.Err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	if err := errors.Join(stillAt(path, file), whole(db, info.Size())); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Archive{db: db}, nil
}

// whole refuses a file that was truncated, and one of another program.
func whole(db *bbolt.DB, size int64) error {
	return db.View(func(tx *bbolt.Tx) error {
		if size < tx.Size() {
			return fmt.Errorf("%w: it has %d bytes, and should have %d", store.ErrDamaged, size, tx.Size())
		}
		if tx.Bucket([]byte(bucketName)) == nil {
			return fmt.Errorf("%w: it belongs to another program", store.ErrDamaged)
		}
		return nil
	})
}

// recoverDamage turns a panic of bbolt over a damaged page into an error. Reading a page beyond the end of the file is
// a memory fault, which is a panic only under [debug.SetPanicOnFault].
func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", store.ErrDamaged, p)
	}
}

// View runs fn on the archive, as [store.Store.View] does.
func (a *Archive) View(ctx context.Context, fn func(store.Reader) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	return view(ctx, a.db, fn)
}

// Len returns the number of records. It reads every page, but no value.
func (a *Archive) Len(ctx context.Context) (n int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	err = a.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket([]byte(bucketName)).Stats().KeyN
		return nil
	})
	return n, err
}

// Verify checks the structure of the file: every page is reached once, and keys are in order. It calls report for each
// fault, until report returns false or ctx ends: one wrong byte can cause millions of faults.
func (a *Archive) Verify(ctx context.Context, report func(error) (more bool)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	faults, left, ended := make(chan error), make(chan struct{}), make(chan error, 1)
	go a.verify(faults, left, ended)
	for {
		select {
		case fault := <-faults:
			if report(fmt.Errorf("%w: %w", store.ErrDamaged, fault)) {
				continue
			}
			close(left)
			a.abandoned = true
			return nil
		case <-ctx.Done():
			close(left)
			a.abandoned = true
			return ctx.Err()
		case err := <-ended:
			return err
		}
	}
}

// verify sends the file's faults. bbolt can't be stopped, so after left is closed the goroutine keeps draining faults
// until bbolt is done or the process exits.
func (a *Archive) verify(faults chan<- error, left <-chan struct{}, ended chan<- error) {
	var err error
	defer func() { ended <- err }()
	defer recoverDamage(&err)
	err = a.db.View(func(tx *bbolt.Tx) error {
		for fault := range tx.Check() {
			select {
			case faults <- fault:
			case <-left:
			}
		}
		return nil
	})
}

// Backup writes the archive to w, as [store.Store.Backup] does.
func (a *Archive) Backup(ctx context.Context, w io.Writer) error { return backup(ctx, a.db, w) }

// Backup implements [store.Store].
func (s *Store) Backup(ctx context.Context, w io.Writer) error { return backup(ctx, s.db, w) }

func backup(ctx context.Context, db *bbolt.DB, w io.Writer) error {
	target := &untilDone{ctx: ctx, w: w}
	err := db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(target)
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return store.ErrClosed
	case target.err != nil:
		return target.err // bbolt does not wrap it.
	default:
		return err
	}
}

// untilDone is a writer that fails once its context has ended.
type untilDone struct {
	ctx context.Context
	w   io.Writer
	// err is the last error that Write returned.
	err error
}

// Write implements [io.Writer].
func (u *untilDone) Write(p []byte) (n int, err error) {
	defer func() { u.err = err }()
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}

// Close lets services open the file again. After a verification that was stopped early, the file stays open until the
// process ends.
func (a *Archive) Close() error {
	if a.abandoned {
		return nil
	}
	return a.db.Close()
}

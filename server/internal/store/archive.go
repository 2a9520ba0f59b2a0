package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Archive is the file of a store that no service has open, or a backup of one. It is only read, and it may be damaged: what
// is wrong with it comes back as an error that wraps [ErrDamaged], never as a panic.
type Archive struct {
	db *bbolt.DB
	// abandoned says that a verification was left before its end. It still reads, so the file stays mapped.
	abandoned bool
}

// OpenArchive opens the file at path. If a service has it open, the error wraps [ErrLocked]; while the archive is open, none
// can open it.
func OpenArchive(path string) (_ *Archive, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var file *os.File
	defer func() {
		if err != nil && file != nil {
			_ = file.Close() // After a panic it is still open, and locked.
		}
	}()
	defer recoverDamage(&err)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockTimeout, ReadOnly: true, PreLoadFreelist: true,
		OpenFile: func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			file, err = os.OpenFile(name, flag, mode)
			return file, err
		},
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s: %w", path, ErrLocked)
	case err != nil:
		return nil, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	if err := errors.Join(stillAt(path, file), whole(db, info.Size())); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &Archive{db: db}, nil
}

// whole looks for what a file that was cut, or that is another program's, does not have.
func whole(db *bbolt.DB, size int64) error {
	return db.View(func(tx *bbolt.Tx) error {
		if size < tx.Size() {
			return fmt.Errorf("%w: it has %d bytes, and should have %d", ErrDamaged, size, tx.Size())
		}
		if tx.Bucket([]byte(bucketName)) == nil {
			return fmt.Errorf("%w: it is another program's", ErrDamaged)
		}
		return nil
	})
}

// recoverDamage turns a panic of bbolt over a damaged page into an error. A page that the file does not have is a fault,
// which is a panic only where [debug.SetPanicOnFault] asks for it.
func recoverDamage(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", ErrDamaged, p)
	}
}

// View runs fn on the archive, as [Store.View] does.
func (a *Archive) View(ctx context.Context, fn func(Reader) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer recoverDamage(&err)
	return view(ctx, a.db, fn)
}

// Verify checks the structure of the file: every page is reached once, and keys are in order. It calls report for each
// fault, until that returns false or ctx ends: one wrong byte can make millions of faults.
func (a *Archive) Verify(ctx context.Context, report func(error) (more bool)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	faults, left, ended := make(chan error), make(chan struct{}), make(chan error, 1)
	go a.verify(faults, left, ended)
	for {
		select {
		case fault := <-faults:
			if report(fmt.Errorf("%w: %w", ErrDamaged, fault)) {
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

// verify sends the file's faults. bbolt can't be told to stop, so once nobody listens any more it goes on, unheard, to the
// end of the process that has found enough.
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

// Backup writes the archive to w, as [Store.Backup] does.
func (a *Archive) Backup(ctx context.Context, w io.Writer) error { return backup(ctx, a.db, w) }

// Backup implements [Store].
func (s *Bolt) Backup(ctx context.Context, w io.Writer) error { return backup(ctx, s.db, w) }

func backup(ctx context.Context, db *bbolt.DB, w io.Writer) error {
	err := db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(untilDone{ctx, w})
		return err
	})
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// untilDone ends a copy when its context ends.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

// Write implements [io.Writer].
func (u untilDone) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}

// Close lets services open the file again. After a verification that was left, only the end of the process does.
func (a *Archive) Close() error {
	if a.abandoned {
		return nil
	}
	return a.db.Close()
}

// Lock keeps services from opening the store's file at path until release is called, whatever the file holds. If one has it
// open, the error wraps [ErrLocked].
func Lock(path string) (release func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", path, ErrLocked)
	}
	if err == nil {
		err = stillAt(path, f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil // Closing the file gives the lock back.
}

// stillAt makes sure, once f is locked, that it is what path leads to. A restore may have put another file there between the
// opening and the lock; who went on with the old one would lose all that it writes.
func stillAt(path string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, there) {
		return fmt.Errorf("%s: another file was put there meanwhile: %w", path, ErrLocked)
	}
	return nil
}

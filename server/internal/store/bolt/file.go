package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// lockTimeout is how long an opener waits for another process to close the store.
const lockTimeout = time.Second

// bucketName is the one bucket of the file.
const bucketName = "records"

// openFile opens the file at path, or creates it with an empty bucket.
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
		return nil, fmt.Errorf("%s: %w", path, store.ErrLocked)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the store's folder %s must be created first: %w", filepath.Dir(path), err)
	case err != nil:
		return nil, fmt.Errorf("the store %s can't be opened: %w", path, err)
	}
	if err := stillAt(path, opened); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	if err := makeReady(db, path); err != nil {
		return nil, errors.Join(fmt.Errorf("the store %s can't be initialized: %w", path, err), db.Close())
	}
	return db, nil
}

func makeReady(db *bbolt.DB, path string) error {
	err := db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(bucketName))
		return err
	})
	if err != nil {
		return err
	}
	// A new file is durable only once its folder's entry is.
	return durable.SyncFolder(filepath.Dir(path))
}

// openPrivate is os.OpenFile, and then removes the permissions of everyone but the file's owner.
func openPrivate(log *slog.Logger, name string, flag int, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag, mode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the store could be read by others; its mode is set to 0600",
			"file", name, "mode", info.Mode().Perm().String())
		err = f.Chmod(0o600)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Lock keeps services from opening the store's file at path until release is called, whatever the file contains. If a
// service has it open, the error wraps [store.ErrLocked]. Errors do not name the file.
func Lock(path string) (release func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, durable.Reason(err)
	}
	if err = flock(f); err == nil {
		err = stillAt(path, f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil // Closing the file releases the lock.
}

// flock waits as long as Open does: a process that has just died, or is about to start another program, may hold the
// file for another moment.
func flock(f *os.File) error {
	for until := time.Now().Add(lockTimeout); ; time.Sleep(lockTimeout / 20) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if time.Now().After(until) {
			return store.ErrLocked
		}
	}
}

// stillAt checks, once f is locked, that path still leads to it. A restore may have put another file there between the
// opening and the lock; a process that went on with the old one would lose all that it writes.
func stillAt(path string, f *os.File) error {
	opened, err := f.Stat()
	if err != nil {
		return durable.Reason(err)
	}
	current, err := os.Stat(path)
	if err != nil {
		return durable.Reason(err)
	}
	if !os.SameFile(opened, current) {
		return fmt.Errorf("%w, which has replaced the file", store.ErrLocked)
	}
	return nil
}

// Package durable makes files that survive a power loss: a file is durable once its content is synced and so is the
// entry in its folder.
package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// WriteNew lets write fill a file that appears at path, with mode 0600, once it is whole and durable. A file that
// exists already is an error that wraps [os.ErrExist].
func WriteNew(path string, write func(*os.File) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace another file.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// SyncFolder makes the entries of the folder at path durable: files that were made, renamed or removed in it.
func SyncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

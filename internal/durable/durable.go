// Package durable makes files that survive a power loss: a file is durable once its content is synced and so is the
// entry in its folder.
//
// Files get temporary names while they are made. Errors are about the names that the caller gave.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteNew makes a file with mode 0600, filled by write, that appears at path once it is complete and durable. If path
// exists, the error wraps [os.ErrExist]. An error of write about the temporary file is returned as one about path.
func WriteNew(path string, write func(*os.File) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	f, err := CreateBeside(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(About(path, f.Name(), err), os.Remove(f.Name())) }()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link does not replace another file.
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// CreateBeside makes a hidden file in the folder of path, with mode 0600, for content that will appear at path.
func CreateBeside(path string) (*os.File, error) {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+"-*")
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: the folder %s must be created first: %w", path, folder, Reason(err))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, Reason(err))
	}
	return f, nil
}

// Create makes the file at path, with mode 0600, for content that will replace that of another file: see [Replace]. It
// removes what an earlier process left at path when it died. The caller makes sure that no other process uses path.
func Create(path string) (*os.File, error) {
	if err := RemoveLeft(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// RemoveLeft removes the file at path if there is one.
func RemoveLeft(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// SyncFile makes the content of the file at path durable.
func SyncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncFolder makes the entries of the folder at path durable: files that were made, renamed or removed in it.
func SyncFolder(path string) error { return SyncFile(path) }

// Reason returns what err says without the operation and the path that package os puts in front of it.
func Reason(err error) error {
	var onPath *fs.PathError
	if errors.As(err, &onPath) {
		return onPath.Err
	}
	var onLink *os.LinkError
	if errors.As(err, &onLink) {
		return onLink.Err
	}
	return err
}

// About returns err as one about the file called shown if it is about the file at path, and any other error as it is.
func About(shown, path string, err error) error {
	var onPath *fs.PathError
	var onLink *os.LinkError
	switch {
	case errors.As(err, &onPath) && onPath.Path == path, errors.As(err, &onLink) && onLink.Old == path:
		return fmt.Errorf("%s: %w", shown, Reason(err))
	default:
		return err
	}
}

package durable

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Replace puts the file next in place of the one at path. It keeps the old one under the name that it returns: path
// with .replaced-1 at its end, or the next number that is free. The new file gets the owner of the old one. The content
// of next must be durable. Both are in one folder, and path is not a symbolic link. Even if the process dies, or the
// power fails, there is always one of the two files at path.
//
// step, if it is not nil, is called after each step, with its name. Tests die there.
func Replace(path, next string, step func(name string)) (kept string, err error) {
	if step == nil {
		step = func(string) {}
	}
	if err := sameOwner(path, next); err != nil {
		return "", err
	}
	step("it has its owner")
	if kept, err = keep(path); err != nil {
		return "", err
	}
	step("the old file has a second name")
	if err := os.Rename(next, path); err != nil {
		return "", errors.Join(err, os.Remove(kept))
	}
	step("the new file is in place")
	return kept, SyncFolder(filepath.Dir(path))
}

// keep gives the file at path a second name that is free, or returns the one that it got from a process that died.
func keep(path string) (string, error) {
	current, err := os.Lstat(path)
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.replaced-%d", path, n)
		err := os.Link(path, name)
		if !errors.Is(err, os.ErrExist) {
			return name, err
		}
		if other, err := os.Lstat(name); err == nil && os.SameFile(current, other) {
			return name, nil
		}
	}
}

// sameOwner gives next the owner of the file at path: an administrator may run a command for a service with a user of
// its own, which could otherwise not open the file.
func sameOwner(path, next string) error {
	of := func(path string) (*syscall.Stat_t, error) {
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		return info.Sys().(*syscall.Stat_t), nil
	}
	want, err := of(path)
	if err != nil {
		return err
	}
	have, err := of(next)
	if err != nil || have.Uid == want.Uid && have.Gid == want.Gid {
		return err
	}
	return os.Lchown(next, int(want.Uid), int(want.Gid))
}

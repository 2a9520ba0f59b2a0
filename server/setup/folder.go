package setup

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

// folder is where files are made. Once it is open, links and renames on the path to it can't redirect them.
type folder struct {
	path string
	root *os.Root
	// isNew is set if this process made the folder. written are the files and folders that it made in it, in that
	// order.
	isNew   bool
	written []string
}

// makeFolder makes the folder at path, or opens it if it is empty.
func makeFolder(path string) (*folder, error) {
	f, err := makeOrOpenFolder(path)
	if err != nil {
		return nil, err
	}
	if err := f.requireEmpty(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// makeOrOpenFolder makes the folder at path, or opens an existing one.
func makeOrOpenFolder(path string) (*folder, error) {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	isNew := err == nil
	f, err := openFolder(path)
	if err != nil {
		if isNew {
			err = errors.Join(err, os.Remove(path))
		}
		return nil, err
	}
	f.isNew = isNew
	return f, nil
}

// openFolder opens a folder. It must belong to the caller or root, and no one else may write to it.
func openFolder(path string) (*folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, root: root}
	if err := f.requirePrivate(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// name returns the path of a file in the folder, for messages and for code that takes a path.
func (f *folder) name(file string) string { return filepath.Join(f.path, file) }

// has reports whether a file of that name exists, or can't be ruled out because of an error.
func (f *folder) has(name string) bool {
	_, err := f.root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

func (f *folder) requirePrivate() error {
	info, err := f.root.Stat(".")
	if err != nil {
		return err
	}
	if err := private.CheckOwner(f.path, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can write to %s; run: chmod 700 %s", f.path, shell.Word(f.path))
	}
	return nil
}

func (f *folder) requireEmpty() error {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty, and nothing in it was changed: it has %q", f.path, entries[0].Name())
	}
	return nil
}

// write makes a file and syncs it. It replaces no existing file.
func (f *folder) write(name string, mode fs.FileMode, content []byte) error {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.written = append(f.written, name)
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// replace replaces a file durably and atomically. Owner, group and mode stay.
func (f *folder) replace(name string, content []byte) error {
	info, err := f.root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file, and is not replaced", f.name(name))
	}
	temporary := "." + name + "-" + rand.Text()
	if err := f.write(temporary, ownersFile, content); err != nil {
		return errors.Join(err, f.undo())
	}
	// The service may read it as a member of a group, and root may renew it.
	owner := info.Sys().(*syscall.Stat_t)
	err = f.root.Lchown(temporary, int(owner.Uid), int(owner.Gid))
	if err == nil {
		err = f.root.Chmod(temporary, info.Mode().Perm())
	}
	if err == nil {
		err = f.root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, f.undo())
	}
	f.written = f.written[:len(f.written)-1] // The temporary name no longer exists.
	return f.keep()
}

// newFile is a file to be made.
type newFile struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// The modes of files.
const (
	ownersFile fs.FileMode = 0o600
	publicFile fs.FileMode = 0o644
)

// writeAll makes files in the folder below, a path in f, or "" for f itself.
func (f *folder) writeAll(below string, files []newFile) error {
	for _, file := range files {
		name := filepath.Join(below, file.name)
		if err := errors.Join(f.makeAbove(name), f.write(name, file.mode, file.content)); err != nil {
			return err
		}
	}
	return nil
}

// makeAbove makes those parent folders of a file that don't exist.
func (f *folder) makeAbove(name string) error {
	above := filepath.Dir(name)
	if f.has(above) {
		return nil
	}
	if err := f.makeAbove(above); err != nil {
		return err
	}
	return f.makeBelow(above)
}

// makeBelow makes a folder in f, for files with names such as "node-1/server.hcl".
func (f *folder) makeBelow(name string) error {
	if err := f.root.Mkdir(name, 0o700); err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	f.written = append(f.written, name)
	return nil
}

// keep syncs the folder, the folders that were made in it, and if the folder itself is new, its parent.
func (f *folder) keep() error {
	var err error
	for _, name := range f.written {
		if info, statErr := f.root.Stat(name); statErr == nil && info.IsDir() {
			err = errors.Join(err, durable.SyncFolder(f.name(name)))
		}
	}
	err = errors.Join(err, durable.SyncFolder(f.path))
	if f.isNew {
		err = errors.Join(err, durable.SyncFolder(filepath.Dir(f.path)))
	}
	return err
}

// undo removes everything that was made.
func (f *folder) undo() error {
	var errs []error
	for _, name := range slices.Backward(f.written) {
		errs = append(errs, f.root.Remove(name))
	}
	if f.isNew {
		errs = append(errs, os.Remove(f.path))
	}
	return errors.Join(errs...)
}

func (f *folder) close() error { return f.root.Close() }

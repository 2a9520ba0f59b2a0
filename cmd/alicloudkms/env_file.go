package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
)

// envFile is the file from which the shell reads what clients need. It exists only while the service is ready, so that
// a script can wait for it. Without a path there is none.
type envFile struct {
	path string
	// written is what write made, and nil before.
	written fs.FileInfo
}

// clear removes the file of an earlier run. Any other file is there because a name was mistyped.
func (f *envFile) clear() error {
	if f.path == "" {
		return nil
	}
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file, and is not replaced", f.path)
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	if len(content) > 0 && !strings.HasPrefix(string(content), exportsBegin) {
		return fmt.Errorf("%s is not from an earlier run, and is not replaced; remove it, or give another name", f.path)
	}
	return os.Remove(f.path)
}

// exportsBegin is how the files of all versions begin.
const exportsBegin = "export ALICLOUD_DOMAIN="

// write makes the file, which only its owner can read. Readers never see a part of it.
func (f *envFile) write(content string) (err error) {
	if f.path == "" {
		return nil
	}
	if err := writeAtomically(f.path, content); err != nil {
		return err
	}
	f.written, err = os.Lstat(f.path)
	return err
}

// remove removes the file, unless a service that was started later has replaced it.
func (f *envFile) remove() error {
	if f.written == nil {
		return nil
	}
	info, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !isUnchanged(info, f.written) {
		return nil
	}
	return errors.Join(err, os.Remove(f.path))
}

// isUnchanged compares the times too, since a new file may get the number of one that was removed.
func isUnchanged(now, before fs.FileInfo) bool {
	return os.SameFile(now, before) && now.ModTime().Equal(before.ModTime())
}

// writeAtomically writes a file that only its owner can read. Readers never see a part of it.
func writeAtomically(path, content string) (err error) {
	file, err := durable.CreateBeside(path)
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer func() { err = durable.About(path, file.Name(), err) }()
	if _, err := file.WriteString(content); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// sourceable returns path as the shell's . finds it: it searches the PATH for a name without a slash.
func sourceable(path string) string {
	if strings.Contains(path, "/") {
		return path
	}
	return "./" + path
}

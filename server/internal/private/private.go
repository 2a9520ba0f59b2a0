package private

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
)

// Rule says which users may have access to a file.
type Rule int

const (
	// OwnerOnly is for files that only one program reads.
	OwnerOnly Rule = iota
	// OwnerAndGroup is for files that another program writes for the members of a group, as programs that renew TLS
	// certificates do.
	OwnerAndGroup
	// Anyone is for files that are not secret, such as certificates.
	Anyone
)

// others returns the permissions that a rule forbids, the users who would have them, and the command that removes them.
func (r Rule) others() (forbidden fs.FileMode, users, command string) {
	switch r {
	case Anyone:
		return 0, "", ""
	case OwnerAndGroup:
		return 0o007, "every user", "chmod o-rwx"
	default:
		return 0o077, "users other than its owner", "chmod 600"
	}
}

// Read returns the content of a regular file of at most max bytes. It follows symbolic links. Errors name the file and
// what to do, and show nothing of its content.
func Read(path string, rule Rule, max int64) ([]byte, error) {
	// Without O_NONBLOCK, opening a named pipe would block until someone writes to it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := rule.check(path, info); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(content)) > max {
		clear(content)
		err = fmt.Errorf("%s has more than %d bytes", path, max)
	}
	return content, err
}

func (r Rule) check(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	forbidden, users, command := r.others()
	if mode := info.Mode().Perm(); mode&forbidden != 0 {
		return fmt.Errorf("%s has mode %04o, so %s can access it; run: %s %s", path, mode, users, command, shell.Word(path))
	}
	return nil
}

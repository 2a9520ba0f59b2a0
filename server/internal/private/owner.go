package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Owner returns the id of the user that owns a file or folder, and the user's name, or the id again if the user has no
// name.
func Owner(path string) (id int, name string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, "", errors.ErrUnsupported
	}
	name = strconv.FormatUint(uint64(stat.Uid), 10)
	if found, err := user.LookupId(name); err == nil {
		name = found.Username
	}
	return int(stat.Uid), name, nil
}

// CheckOwner refuses the folder at path if it belongs to a user other than the process's and root. That user could
// replace the files that are made in it, or redirect their names.
func CheckOwner(path string, info fs.FileInfo) error {
	owner := info.Sys().(*syscall.Stat_t).Uid
	if owner != 0 && owner != uint32(os.Geteuid()) {
		return fmt.Errorf("%s belongs to another user (id %d); run this as that user", path, owner)
	}
	return nil
}

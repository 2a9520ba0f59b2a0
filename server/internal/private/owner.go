package private

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// Owner returns the id of the user whom a file or folder belongs to, and the user's name, which is the id again if it
// has none.
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

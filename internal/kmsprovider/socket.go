package kmsprovider

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// maxAddress is the longest address of a socket that every system accepts, in bytes.
const maxAddress = 103

// checkLength refuses a path that is too long for a socket, or for the temporary one that is made beside it.
func checkLength(path string) error {
	if max(len(path), len(filepath.Dir(path))+len("/.s-4294967295/s")) > maxAddress {
		return fmt.Errorf("the path is too long for a socket: %s", path)
	}
	return nil
}

// lock makes sure that this is the only provider with the socket at path, even while others start at the same time. The
// kernel unlocks the file when the process ends, for whatever reason. The file stays: removing it would let two
// providers lock two files of the same name.
func lock(path string) (unlock func() error, err error) {
	if err := checkLength(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%s is in use by another provider", path)
		}
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

// Package unixsocket makes Unix sockets that only their own user can open.
package unixsocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Listen listens on a Unix socket that only this user can open. It replaces a socket that an earlier run left
// behind, but not one that is in use, or another file.
func Listen(path string) (net.Listener, error) {
	if err := checkFree(path); err != nil {
		return nil, err
	}
	// A socket gets its mode after it is made, so it is made where nobody else has access.
	private, err := os.MkdirTemp(filepath.Dir(path), ".s-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	bound, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	bound.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	return &listener{UnixListener: bound, path: path}, nil
}

// Check refuses a path where another file is. It changes nothing, and does not mind a server that listens there.
func Check(path string) error {
	_, err := isSocket(path)
	return err
}

// isSocket reports whether there is a socket at path, or nothing, which is no error.
func isSocket(path string) (bool, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode().Type() != fs.ModeSocket:
		return false, fmt.Errorf("%s exists, and is not a socket", path)
	}
	return true, nil
}

func checkFree(path string) error {
	if there, err := isSocket(path); err != nil || !there {
		return err
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("%s is in use by another process", path), conn.Close())
	}
	return nil
}

// A listener removes its socket when it closes.
type listener struct {
	*net.UnixListener
	path string
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	return errors.Join(os.Remove(l.path), l.UnixListener.Close())
}

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
	"syscall"
	"time"
)

// ErrExposed means that every user may replace a socket in its folder, and would then get what clients send. A sticky
// folder such as /tmp is safe: only its owner can replace a file there.
var ErrExposed = errors.New(
	"any user can replace a socket in this folder: remove other users' permission to write to it")

// Listen listens on a Unix socket that only this user can open. It replaces a socket that an earlier run left
// behind, but not one that is in use, or another file. It returns [ErrExposed] if the folder lets others replace it.
func Listen(path string) (*Listener, error) {
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
	l := &Listener{UnixListener: bound, path: path}
	// Once it is at path, another process may replace it with a socket that this one must not remove.
	l.socket, err = os.Lstat(made)
	if err := errors.Join(err, os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	return l, nil
}

// Check refuses a path where another file is, or in a folder that [ErrExposed] is about. It changes nothing, and
// accepts a server that listens there, or a missing folder.
func Check(path string) error {
	_, err := isSocket(path)
	return errors.Join(err, checkFolder(filepath.Dir(path)))
}

func checkFolder(dir string) error {
	const othersWrite = 0o002
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&othersWrite != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("%s: %w", dir, ErrExposed)
	}
	return nil
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
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if there, err := isSocket(path); err != nil || !there {
		return err
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	switch {
	case err == nil:
		return errors.Join(fmt.Errorf("%s is in use by another process", path), conn.Close())
	case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist):
		return nil
	default:
		return err // For instance, a server whose backlog is full.
	}
}

// A Listener removes its socket when it closes.
type Listener struct {
	*net.UnixListener
	path   string
	socket os.FileInfo
}

// Intact reports whether the socket is still at its path, so that clients find it.
func (l *Listener) Intact() bool {
	found, err := os.Lstat(l.path)
	return err == nil && os.SameFile(found, l.socket)
}

// Close implements [net.Listener]. What somebody else has put in the place of the socket stays.
func (l *Listener) Close() error {
	if !l.Intact() {
		return l.UnixListener.Close()
	}
	return errors.Join(os.Remove(l.path), l.UnixListener.Close())
}

package servers

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// isHeldFromServers says that what holds a port keeps servers from it too.
const isHeldFromServers = false

// holdAddress binds a socket that never listens. By SO_REUSEADDR, which Go's listeners have too, a server can bind the
// same port beside it. The kernel does not pick a port that is bound.
func holdAddress() (address string, release func() error, err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, os.NewSyscallError("socket", err)
	}
	release = func() error { return syscall.Close(socket) }
	err = errors.Join(
		syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
		syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, failed := syscall.Getsockname(socket)
	at, ok := bound.(*syscall.SockaddrInet4)
	if err = errors.Join(err, failed); err != nil || !ok {
		return "", nil, errors.Join(fmt.Errorf("no port can be held: %w", err), release())
	}
	return fmt.Sprintf("127.0.0.1:%d", at.Port), release, nil
}

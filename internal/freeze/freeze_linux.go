package freeze

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// awaitStop waits until all threads of a child have stopped. Its end and its stop stay there for others to wait for.
func awaitStop(child int) error {
	for {
		err := unix.Waitid(unix.P_PID, child, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ECHILD):
			return os.ErrProcessDone
		default:
			return err
		}
	}
}

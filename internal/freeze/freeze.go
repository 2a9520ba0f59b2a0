// Package freeze suspends the processes that tests start, as an operator's SIGSTOP or a stalled machine does. A
// suspended process answers nothing, and its connections stay open.
package freeze

import (
	"os"
	"syscall"
)

// Process suspends a child of this process with SIGSTOP, until SIGCONT or its end. It returns once none of the child's
// threads runs any longer: the signal alone may take effect after the child has answered another request. It does
// nothing to a child that is suspended already. The error is [os.ErrProcessDone] if the child has ended.
func Process(child *os.Process) error {
	if err := child.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return awaitStop(child.Pid)
}

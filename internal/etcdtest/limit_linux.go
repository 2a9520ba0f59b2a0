package etcdtest

import (
	"golang.org/x/sys/unix"
)

// LimitFiles makes writes beyond that many bytes of any file fail from now on, as on a full disk: the member ends at
// one of its next entries. The limit ends with the process; a restarted member has none.
func (m *Member) LimitFiles(bytes uint64) error {
	if m.process == nil {
		return m.down()
	}
	return unix.Prlimit(m.process.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: bytes, Max: bytes}, nil)
}

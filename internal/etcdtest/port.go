package etcdtest

import (
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// holdPort returns a port of 127.0.0.1 that is bound until the test ends, and not listened on. Members share it, and
// nothing else gets it while they are down, not even an outgoing connection.
func holdPort(t testing.TB) (address string) {
	t.Helper()
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(socket) })
	unix.CloseOnExec(socket)
	require.NoError(t, unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	require.NoError(t, unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	bound, err := unix.Getsockname(socket)
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(bound.(*unix.SockaddrInet4).Port))
}

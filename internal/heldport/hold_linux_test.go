package heldport_test

import (
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
)

func TestAHeldPortIsListenedOnAgainAndAgain(t *testing.T) {
	address := heldport.For(t)
	for range 3 {
		_, err := net.Dial("tcp", address)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		require.NoError(t, c.Close())
	}
}

func TestAHeldPortIsTaken(t *testing.T) {
	alone := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
		})
		require.NoError(t, controlErr)
		return err
	}}
	address, release, err := heldport.Hold()
	require.NoError(t, err)
	_, err = alone.Listen(t.Context(), "tcp", address)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	release()
	l, err := alone.Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

// With this many ports, the kernel would pick about eight of the held ones, if it could.
func TestTheKernelPicksNoHeldPort(t *testing.T) {
	held := map[string]bool{}
	for range 300 {
		held[heldport.For(t)] = true
	}
	require.Len(t, held, 300)
	for range 400 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		require.False(t, held[l.Addr().String()])
	}
}

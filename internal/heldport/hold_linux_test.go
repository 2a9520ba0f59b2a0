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

package servers_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// With as many ports, the kernel would give out some eight of those that are held, if it could.
func TestHeldPortsAreKeptForTheirServers(t *testing.T) {
	held, release, err := servers.HoldAddresses(300)
	require.NoError(t, err)
	t.Cleanup(release)
	isHeld := map[string]bool{}
	for _, address := range held {
		require.False(t, isHeld[address], "%s is held twice", address)
		isHeld[address] = true
	}
	for range 400 {
		require.False(t, isHeld[listen(t, servers.AnyPort).Addr().String()])
	}
	for _, address := range held {
		require.NoError(t, listen(t, address).Close())
		listen(t, address) // As a server does that starts again.
	}
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

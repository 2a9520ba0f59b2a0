package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// freePort returns an address of 127.0.0.1 that a node can have again after it was down: nothing else gets its port,
// nor that of another call, until the test ends.
func freePort(t *testing.T) string {
	t.Helper()
	addresses, release, err := servers.HoldAddresses(1)
	require.NoError(t, err)
	t.Cleanup(release)
	return addresses[0]
}

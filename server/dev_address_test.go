package server_test

import (
	"crypto/tls"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// addresses are the addresses of both gateways of a development service.
type addresses struct{ shared, instance string }

// runDev starts a development service on the data in dir, stores its addresses, and stops it.
func runDev(t *testing.T, dir, address string) addresses {
	t.Helper()
	dev, err := server.NewDevConfig(dir, address)
	require.NoError(t, err)
	s, err := server.Start(dev.Config, server.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, dev.KeepAddresses(s))
	used := addresses{s.Address(), s.InstanceAddress(dev.InstanceID)}
	keepPort(t, used.shared)
	keepPort(t, used.instance)
	return used
}

// keepPort makes a connection that the service closes. For a minute after that, the kernel does not give the port to a
// socket that asks for any port.
func keepPort(t *testing.T, address string) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.NetConn().Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: kms\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	closes(t, conn)
	_, _ = io.Copy(io.Discard, conn.NetConn()) // TLS ends before TCP does, which the service must close first too.
}

func TestADevelopmentServiceKeepsItsAddresses(t *testing.T) {
	dir := t.TempDir()
	first := runDev(t, dir, "")
	require.Equal(t, first, runDev(t, dir, ""), "the next run has them too")

	other := heldport.For(t)
	require.Equal(t, addresses{other, first.instance}, runDev(t, dir, other), "another port for the shared gateway")
	require.Equal(t, addresses{other, first.instance}, runDev(t, dir, ""), "is kept too")

	require.NotContains(t, runDev(t, dir, "[::1]:0").shared, "127.0.0.1")
	require.NotEqual(t, first.instance, runDev(t, dir, "127.0.0.1:0").instance, "port 0 asks for new ones")
}

func TestADevelopmentServiceRefusesAKeptAddressThatIsNotOfLoopback(t *testing.T) {
	for _, name := range []string{"address", "kst-dev.address"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte("0.0.0.0:8443\n"), 0o600))
		_, err := server.NewDevConfig(dir, "")
		require.EqualError(t, err,
			path+`: "0.0.0.0:8443": this may listen on loopback only; remove the file to get another`)
		_, err = server.NewDevConfig(dir, "127.0.0.1:0")
		require.NoError(t, err, "another address was asked for")
	}
}

func TestBeforeListeningEndsTheStart(t *testing.T) {
	dev, err := server.NewDevConfig(t.TempDir(), "")
	require.NoError(t, err)
	_, err = server.Start(dev.Config, server.Options{BeforeListening: func() error { return os.ErrInvalid }})
	require.ErrorIs(t, err, os.ErrInvalid)
	s, err := server.Start(dev.Config, server.Options{})
	require.NoError(t, err, "the store was closed again")
	require.NoError(t, s.Close())
}

// In a shared folder such as /tmp, another user may have made the folder first, with links in place of its files.
func TestADevelopmentServiceDoesNotUseAFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chown(dir, 12345, -1))
	_, err := server.NewDevConfig(dir, "")
	require.EqualError(t, err, dir+" belongs to another user (id 12345); run this as that user")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

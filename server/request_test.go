package server_test

import (
	"os"
	"os/user"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// asAnotherUser runs ask without permission to open the socket. Root always has it, so as root it runs ask as nobody.
func asAnotherUser(t *testing.T, socket string, ask func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		require.NoError(t, os.Chmod(socket, 0))
		ask()
		return
	}
	const nobody = 65534
	require.NoError(t, syscall.Seteuid(nobody))
	defer func() { require.NoError(t, syscall.Seteuid(0)) }()
	ask()
}

func TestASocketOfAnotherUserIsNamedWithItsOwner(t *testing.T) {
	s := newSite(t)
	require.NoError(t, os.Chmod(s.dir, 0o755))
	require.NoError(t, os.Chmod(s.file, 0o644))
	owner, err := user.Current()
	require.NoError(t, err)
	ask := func() error {
		var err error
		asAnotherUser(t, s.at("kms.db.sock"), func() { _, err = server.RequestReload(t.Context(), s.file) })
		return err
	}
	err = ask()
	require.ErrorIs(t, err, server.ErrNotAllowed)
	require.EqualError(t, err, "socket "+s.at("kms.db.sock")+": it is for the service's own user, "+owner.Username)
	require.Empty(t, s.reloads, "the service was not asked")

	s.edit(`{ file =`, `{ fiel =`)
	err = ask()
	require.ErrorIs(t, err, server.ErrNotAllowed)
	require.ErrorContains(t, err, s.file+`:7: Unsupported argument; An argument named "fiel" is not expected here.`)
}

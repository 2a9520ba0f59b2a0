package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// The log is a link to a device on which every write fails, as on a full disk. The test can point the link elsewhere.
func TestNothingIsDoneWhileTheAuditLogCanNotBeWritten(t *testing.T) {
	var log string
	l := newLab(t, func(c *server.Config) {
		log = filepath.Join(filepath.Dir(c.Audit.File), "linked.log")
		require.NoError(t, os.Symlink("/dev/full", log))
		c.Audit.File = log
	})
	for range 4 { // The first is done before the service notices.
		l.do("CreateKey").refused(t, kmsapi.ErrServiceUnavailable)
	}
	require.NoError(t, os.Remove(log))
	l.restart()
	require.Equal(t, 1, l.must("ListKeys").TotalCount, "of four keys, the later three were not made")
}

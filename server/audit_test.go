package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A device on which every write fails, as on a full disk, stands behind a link that the test can turn elsewhere.
func TestNothingIsDoneWhileTheAuditLogCanNotBeWritten(t *testing.T) {
	var log string
	l := newLab(t, func(c *server.Config) {
		log = filepath.Join(filepath.Dir(c.Audit.File), "linked.log")
		require.NoError(t, os.Symlink("/dev/full", log))
		c.Audit.File = log
	})
	for range 4 { // The first is done before anyone knows.
		l.do("CreateKey").refused(t, kmsapi.ErrServiceUnavailable)
	}
	require.NoError(t, os.Remove(log))
	l.restart()
	require.Equal(t, 1, l.must("ListKeys").TotalCount, "of four keys, the later three were not made")
}

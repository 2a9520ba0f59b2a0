package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/etcd"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// twoStores has two configurations of a service, one with its store in a file and one with it in etcd.
type twoStores struct {
	t            *testing.T
	dir          string
	inFile, etcd server.Config
}

// prefixes counts the stores in etcd, so that each gets its own prefix.
var prefixes atomic.Int64

// longLease is a lease that a command does not lose when it is off the processor for some seconds. shortLease is for
// commands that wait for the end of one.
const longLease, shortLease = 20 * time.Second, 2 * time.Second

// newTwoStores makes a store with a number of keys in a file, and none in etcd.
func newTwoStores(t *testing.T, etcd *etcdtest.Cluster, keys int) *twoStores {
	t.Helper()
	c, dir := devConfig(t)
	s := &twoStores{t: t, dir: dir, inFile: c}
	s.inFile.Storage.Path = filepath.Join(dir, "store", "kms.db")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "store"), 0o700))
	if keys > 0 {
		require.NoError(t, servertest.Fill(t.Context(), s.inFile, keys))
	}
	s.etcd = s.inFile
	s.etcd.Storage = server.StorageConfig{}
	s.etcd.Etcd = &server.EtcdConfig{
		Endpoints: etcd.Endpoints(), Prefix: fmt.Sprintf("test-%d/", prefixes.Add(1)), Lease: longLease.String(),
	}
	return s
}

// withLease returns c with another lease, if its store is in etcd.
func withLease(c server.Config, lease time.Duration) server.Config {
	if c.Etcd != nil {
		changed := *c.Etcd
		changed.Lease = lease.String()
		c.Etcd = &changed
	}
	return c
}

// at returns the path of a file of the test.
func (s *twoStores) at(name string) string { return filepath.Join(s.dir, name) }

// migrated is newTwoStores after a migration to etcd.
func migrated(t *testing.T, etcd *etcdtest.Cluster, keys int) *twoStores {
	t.Helper()
	s := newTwoStores(t, etcd, keys)
	_, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
	require.NoError(t, err)
	return s
}

// requireGood requires that the check of a store finds nothing, and returns its report.
func requireGood(t *testing.T, c server.Config, path string) server.Report {
	t.Helper()
	report, err := server.Check(t.Context(), c, path, nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	return report
}

// backup writes a backup of a store and returns its path.
func (s *twoStores) backup(c server.Config, name string) string {
	s.t.Helper()
	path := s.at(name)
	_, err := server.Backup(s.t.Context(), c, path, nil)
	require.NoError(s.t, err)
	return path
}

// usable returns which of the two stores a service could use. It is never both.
func (s *twoStores) usable() string {
	s.t.Helper()
	var names []string
	for name, c := range map[string]server.Config{"file": s.inFile, "etcd": s.etcd} {
		report, err := server.Check(s.t.Context(), c, "", nil)
		switch {
		case err != nil:
			require.ErrorIs(s.t, err, os.ErrNotExist, name)
		case len(report.Problems) == 0:
			names = append(names, name)
		default:
			require.Len(s.t, report.Problems, 1, "apart from its migration it is good")
		}
	}
	require.LessOrEqual(s.t, len(names), 1)
	return strings.Join(names, "")
}

package monitoring

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// startNodes starts a cluster, without waiting until a node is the active one. Its lease outlasts the pauses of a busy
// machine.
func (s *stage) startNodes(t *testing.T) {
	t.Helper()
	program := os.Getenv("ETCD_BIN")
	if program == "" {
		missing(t, "no etcd: set ETCD_BIN to what scripts/etcd.sh prints, or run scripts/monitoring.sh")
	}
	etcd, err := servers.StartEtcd(program, filepath.Join(s.dir, "etcd"), 1)
	require.NoError(t, err)
	t.Cleanup(etcd.Kill)
	s.nodes, err = servers.NewNodes(s.kms.Program, filepath.Join(s.dir, "nodes"), 2, etcd, "  lease = \"20s\"\n")
	require.NoError(t, err)
	for _, node := range s.nodes {
		require.NoError(t, node.Start())
		t.Cleanup(func() { require.NoError(t, node.Stop()) })
	}
}

// targets are the operations listeners of the service and of the nodes, in the form of a job's list.
func (s *stage) targets() string {
	quoted := []string{fmt.Sprintf("%q", s.kms.Operations)}
	for _, node := range s.nodes {
		quoted = append(quoted, fmt.Sprintf("%q", node.Operations))
	}
	return strings.Join(quoted, ", ")
}

// theClusterIsWell makes sure that the rules about a cluster find nothing wrong with this one.
func (s *stage) theClusterIsWell(t *testing.T) {
	for _, expression := range []string{
		`sum by (job) (alicloudkms_cluster_active) == 1`,
		`count(alicloudkms_cluster_candidate == 1) == 2`,
	} {
		s.hasSeries(t, expression)
	}
	for _, r := range rulesOf(t, "alicloudkms-cluster") {
		eventually(t, func() error {
			found, err := s.prometheus.query(r.Expr)
			if err == nil && len(found.Result) > 0 {
				err = fmt.Errorf("%s would fire: %v", r.Alert, found.Result)
			}
			return err
		})
	}
}

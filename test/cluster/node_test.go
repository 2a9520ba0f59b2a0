package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// node is a node of the service, with the links that lead to it and from it.
type node struct {
	number int
	// dir holds its files, which begin with its name.
	dir, name string
	// shared are the files that all nodes have in common.
	shared *server.DevConfig
	// listen, peers and operations are where it listens.
	listen, peers, operations string
	// callers is the link from the callers to it, peersLink that from its peers, and members are those from it to the
	// members of etcd. checks, if there is a balancer, is the link by which that checks the node.
	callers, peersLink, checks *link.Link
	members                    []*link.Link

	process *servers.Process
}

// nodeConfig is the configuration of a node: without limits, which the callers would soon reach.
const nodeConfig = `
listener {
  address       = %q
  tls_cert_file = %q
  tls_key_file  = %q
}
operations {
  address = %q
  socket  = "%s.sock"
}
root_key { file = %q }
audit    { file = "%s.audit" }
account %q {
  access_key %q { secret_file = %q }
}
quotas {
  keys         = -1
  aliases      = -1
  key_versions = -1
}
rate_limits {
  crypto     = -1
  create_key = -1
  write      = -1
  read       = -1
}
`

// inEtcd is the part of the configuration of a node that is one of several.
const inEtcd = `
etcd {
  endpoints = [%s]
  lease     = %q
  %s
}
cluster {
  address        = %q
  ca_file        = "peers-ca.pem"
  cert_file      = "%s.pem"
  key_file       = "%s.key"
  max_clock_skew = "1s"
}
`

// writeConfig writes the node's configuration file. store is the part of it about the store.
func (n *node) writeConfig(t *testing.T, store string) {
	t.Helper()
	c := n.shared.Config
	key := c.Accounts[0].AccessKeys[0]
	text := fmt.Sprintf(nodeConfig, n.listen, c.Listener.TLSCertFile, c.Listener.TLSKeyFile, n.operations, n.name,
		c.RootKey.File, n.name, c.Accounts[0].ID, key.ID, key.SecretFile)
	require.NoError(t, os.WriteFile(n.config(), []byte(text+store), 0o600))
}

// inEtcd is the configuration of the store of a node that reaches etcd by its endpoints. tls has the settings of the
// node's certificate for etcd, if it has one.
func (n *node) inEtcd(lease time.Duration, endpoints []string, tls string) string {
	quoted := make([]string, len(endpoints))
	for i, endpoint := range endpoints {
		quoted[i] = fmt.Sprintf("%q", endpoint)
	}
	return fmt.Sprintf(inEtcd, strings.Join(quoted, ", "), lease.String(), tls, n.peers, n.name, n.name)
}

func (n *node) config() string { return filepath.Join(n.dir, n.name+".hcl") }

// start starts the node's process, unless it runs, and waits until it listens.
func (n *node) start(program string) (err error) {
	if n.isRunning() {
		return nil
	}
	n.process, err = servers.Start(exec.Command(program, "server", "-config", n.config()), n.config()+".log")
	if err != nil {
		return err
	}
	_, err = servers.AwaitKMS(n.process)
	return err
}

func (n *node) isRunning() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.process.Done():
		return false
	default:
		return true
	}
}

// kill ends the process with SIGKILL, if it runs.
func (n *node) kill() {
	if n.process != nil {
		n.process.Kill()
	}
}

func (n *node) freeze() error { return n.process.Freeze() }

// thaw lets a frozen node go on. One that was killed meanwhile stays down.
func (n *node) thaw() error {
	if !n.isRunning() {
		return nil
	}
	return n.process.Signal(syscall.SIGCONT)
}

// setMembers sets the fault of all links from the node to etcd.
func (n *node) setMembers(f link.Fault) {
	for _, l := range n.members {
		l.Set(f)
	}
}

// health is what /healthz says: its status, or 0 if it does not answer.
func (n *node) health(ctx context.Context) (status int, body string) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return ask(ctx, "http://"+n.operations+"/healthz")
}

func ask(ctx context.Context, url string) (status int, body string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err.Error()
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// isActive reports whether the node says that it is the active one.
func (n *node) isActive(ctx context.Context) bool {
	status, _ := n.health(ctx)
	return status == http.StatusOK
}

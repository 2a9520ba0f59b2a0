package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// The commands of docs/cluster.md are for several machines. The reasons on their fences say in which state they run
// here.
const (
	beforeEtcd = "another test runs it, before it starts an etcd"
	withEtcd   = "another test runs it, with an etcd"
	withNodes  = "another test runs it, with three nodes"
)

// site is docs/cluster.md on this machine: addresses of loopback replace the names of the page's machines.
type site struct {
	page, work string
	names      *strings.Replacer
	etcd       *etcdtest.Cluster
	// clients and operations are where the nodes a, b, c and d listen.
	clients, operations []string
	// started are the nodes that were started.
	started []startedNode
}

// startedNode is a node that runs.
type startedNode struct {
	config, operations string
	process            *servers.Process
}

// TestTheClusterPageRunsAsPrinted follows docs/cluster.md: certificates by openssl, roles by etcdctl, in an etcd with
// TLS of three members, and then three nodes.
func TestTheClusterPageRunsAsPrinted(t *testing.T) {
	s := newSite(t)
	s.run(t, beforeEtcd)
	s.startEtcd(t)
	s.run(t, withEtcd)
	s.startNodes(t)
	s.run(t, withNodes)
	s.startNode(t, "d", 3)
	s.awaitServing(t)
	s.callThrough(t, 3)
	s.renewOneAfterAnother(t)
}

func newSite(t *testing.T) *site {
	t.Helper()
	require.NoError(t, shared.build())
	page, err := os.ReadFile(filepath.Join(root, "docs", "cluster.md"))
	require.NoError(t, err)
	// The path of a socket is short.
	work, err := os.MkdirTemp("", "site-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(work)) })
	path := filepath.Join(work, "path")
	require.NoError(t, os.Mkdir(path, 0o700))
	ctl, err := exec.Command(filepath.Join(root, "scripts", "etcd.sh"), "ctl").Output()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(strings.TrimSpace(string(ctl)), filepath.Join(path, "etcdctl")))
	require.NoError(t, os.Symlink(shared.service(), filepath.Join(path, "alicloudkms")))
	return &site{page: string(page), work: work, names: strings.NewReplacer("DNS:$member.internal", "IP:127.0.0.1")}
}

// run runs the blocks of the page that have a reason.
func (s *site) run(t *testing.T, reason string) {
	t.Helper()
	script, err := shellBlocksWith(s.page, reason)
	require.NoError(t, err)
	require.NotEmpty(t, script, reason)
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", s.names.Replace(script))
	cmd.Dir = s.work
	cmd.Env = append(os.Environ(), "HOME="+s.work,
		"PATH="+filepath.Join(s.work, "path")+string(os.PathListSeparator)+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		// On a busy machine, etcd may need longer than the command waits by default.
		"ETCDCTL_COMMAND_TIMEOUT=2m", "ETCDCTL_DIAL_TIMEOUT=1m")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
}

// startEtcd starts an etcd with the certificates that the page has made.
func (s *site) startEtcd(t *testing.T) {
	t.Helper()
	dir := filepath.Join(s.work, "tls")
	require.NoError(t, os.Mkdir(dir, 0o700))
	for name, made := range map[string]string{
		"server.pem": "etcd1.pem", "server.key": "etcd1.key", "client-ca.pem": "ca.pem",
		"peer.pem": "etcd2.pem", "peer.key": "etcd2.key", "peer-ca.pem": "ca.pem",
	} {
		require.NoError(t, os.Symlink(filepath.Join(s.work, "etcd", made), filepath.Join(dir, name)))
	}
	s.etcd = etcdtest.Start(t, etcdtest.Options{Members: 3, NoSync: true, TLS: dir})
	free := freeAddresses(t, 13)
	balancer, peers := free[0], free[1:5]
	s.clients, s.operations = free[5:9], free[9:13]
	replace := []string{"-host kms.example.com \\", "-listen " + balancer + " \\"}
	for i, endpoint := range s.etcd.Endpoints() {
		replace = append(replace, fmt.Sprintf("https://etcd%d.internal:2379", i+1), endpoint)
	}
	for i, node := range []string{"a", "b", "c", "d"} {
		replace = append(replace, node+"=10.0.0."+fmt.Sprint(i+1), node+"="+peers[i])
	}
	replace = append(replace, "127.0.0.1:9180", s.operations[0])
	s.names = strings.NewReplacer(replace...)
}

// startNodes starts the three nodes, on ports of their own, and waits until one is active.
func (s *site) startNodes(t *testing.T) {
	t.Helper()
	for i, name := range []string{"a", "b", "c"} {
		s.startNode(t, name, i)
	}
	s.useNode(t, 2)
	s.awaitServing(t)
}

// useNode puts the address of the node with a number into admin.env.
func (s *site) useNode(t *testing.T, number int) (env string) {
	t.Helper()
	env = filepath.Join(s.work, "cluster", "admin.env")
	content, err := os.ReadFile(env)
	require.NoError(t, err)
	_, endpoint, _ := strings.Cut(string(content), "ALICLOUD_DOMAIN='")
	endpoint, _, _ = strings.Cut(endpoint, "'")
	require.NoError(t, os.WriteFile(env, []byte(strings.Replace(string(content), endpoint, s.clients[number], 1)), 0o600))
	return env
}

// callThrough lists keys through a standby: it and the active node accept each other's certificates, although the
// standby's is newer.
func (s *site) callThrough(t *testing.T, number int) {
	t.Helper()
	out, err := exec.Command(shared.service(), "call", "ListKeys", "-env", s.useNode(t, number)).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "KeyArn")
}

// startNode starts the node with a name, on the ports of a number.
func (s *site) startNode(t *testing.T, name string, number int) {
	t.Helper()
	config := filepath.Join(s.work, "cluster", name, "server.hcl")
	written, err := os.ReadFile(config)
	require.NoError(t, err)
	listening := func(block, address string) string { return block + " {\n  address " + address }
	text := string(written)
	for block, at := range map[string]string{
		listening("listener", "      = "): s.clients[number], listening("operations", "= "): s.operations[number],
	} {
		before, after, found := strings.Cut(text, block+`"`)
		require.True(t, found, block)
		_, after, _ = strings.Cut(after, `"`)
		text = before + block + `"` + at + `"` + after
	}
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	p, err := servers.Start(exec.Command(shared.service(), "server", "-config", config), config+".log")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	_, err = servers.AwaitKMS(p)
	require.NoError(t, err)
	s.started = append(s.started, startedNode{config, s.operations[number], p})
}

// awaitServing waits until one of the nodes that were started is the active one, and each of the others a standby.
func (s *site) awaitServing(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(s.started, func(node startedNode) bool { return node.serves(t, "") })
	}, time.Minute, 50*time.Millisecond)
	for _, node := range s.started {
		require.Eventually(t, func() bool { return node.serves(t, "?standbyok=true") }, time.Minute, 50*time.Millisecond)
	}
}

// serves reports whether the node is the active one, or what the query also allows.
func (n startedNode) serves(t *testing.T, query string) bool {
	t.Helper()
	return healthOf(t.Context(), "http://"+n.operations+"/healthz"+query) == http.StatusOK
}

// renewOneAfterAnother reloads the nodes whose certificates the page has renewed. After each reload, every node still
// serves, through the active one. In the end another node becomes active, to which all others must connect.
func (s *site) renewOneAfterAnother(t *testing.T) {
	t.Helper()
	for _, node := range s.started {
		out, err := exec.Command(shared.service(), "reload", "-config", node.config).CombinedOutput()
		require.NoError(t, err, "%s", out)
		for number := range s.started {
			s.callThrough(t, number)
		}
	}
	for i, node := range s.started {
		if node.serves(t, "") {
			require.NoError(t, node.process.Stop())
			s.started = slices.Delete(s.started, i, i+1)
			s.clients = slices.Delete(s.clients, i, i+1)
			break
		}
	}
	s.awaitServing(t)
	for number := range s.started {
		s.callThrough(t, number)
	}
}

// healthOf is the status of an answer, or 0.
func healthOf(ctx context.Context, url string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/pki"
)

const (
	// size is the number of nodes, and of members of etcd.
	size = 3
	// shortestLease is the shortest that etcd grants.
	shortestLease = 2 * time.Second
	// usualLease is that of a configuration without one.
	usualLease = 5 * time.Second
	// recovery is how long the service may need once all faults are over. A whole etcd that starts again needs the most.
	recovery = 40 * time.Second
)

// rig is three nodes and three members, each a process of its own, and the links between them.
type rig struct {
	t       *testing.T
	program string
	dir     string
	etcd    *etcdtest.Cluster
	nodes   []*node
	site    *load.Site
	// listed is what was listed when the last history ended.
	listed history.Listed
}

// newRig starts everything and waits until a node is active.
func newRig(t *testing.T, program string, lease time.Duration, o etcdtest.Options) *rig {
	t.Helper()
	r := prepareRig(t, program, lease, o)
	var starts errgroup.Group
	for _, n := range r.nodes {
		t.Cleanup(n.kill)
		starts.Go(func() error { return n.start(program) })
	}
	require.NoError(t, starts.Wait())
	active := r.awaitActive(recovery)
	// Without the forger, nodes would reach each other beside the links.
	leader, err := newOperator(t, r.etcd.Endpoints()).Get(t.Context(), "alicloudkms/leader")
	require.NoError(t, err)
	require.Len(t, leader.Kvs, 1)
	require.Contains(t, string(leader.Kvs[0].Value), active.peersLink.Address())
	return r
}

// prepareRig makes all but the nodes' processes.
func prepareRig(t *testing.T, program string, lease time.Duration, o etcdtest.Options) *rig {
	t.Helper()
	o.Members, o.Links = size, true
	dir, shared := newSite(t)
	peers, err := pki.New("peers")
	require.NoError(t, err)
	require.NoError(t, peers.WriteCA(dir+"/peers-ca.pem"))
	r := &rig{t: t, program: program, dir: dir, etcd: etcdtest.Start(t, o)}
	for number := range size {
		n := &node{
			number: number, dir: dir, name: fmt.Sprintf("node%d", number+1), shared: shared,
			listen: freePort(t), peers: freePort(t), operations: freePort(t),
		}
		require.NoError(t, peers.IssuePeer(dir, n.name, "alicloudkms://chaos/"+n.name, "127.0.0.1"))
		n.callers = newLink(t, n.listen)
		// The forged address is as long as the true one, whose port has five digits.
		n.peersLink = newLinkAt(t, freePort(t), n.peers)
		members, _ := r.etcd.Through(t)
		var endpoints []string
		for _, l := range members {
			endpoints = append(endpoints, "http://"+newForger(t, l.Address(), n.peers, n.peersLink.Address()).address())
		}
		n.members = members
		n.writeConfig(t, n.inEtcd(lease, endpoints))
		r.nodes = append(r.nodes, n)
	}
	var addresses []string
	for _, n := range r.nodes {
		addresses = append(addresses, n.callers.Address())
	}
	r.connect(shared, addresses)
	return r
}

// newSite makes a folder with the files that all nodes share. The path of a socket is short, which that of the test's
// own folder may not be.
func newSite(t *testing.T) (dir string, shared *server.DevConfig) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	shared, err = server.NewDevConfig(dir, "127.0.0.1:0")
	require.NoError(t, err)
	return dir, shared
}

func newLink(t *testing.T, target string) *link.Link {
	t.Helper()
	return newLinkAt(t, "127.0.0.1:0", target)
}

func newLinkAt(t *testing.T, address, target string) *link.Link {
	t.Helper()
	l, err := link.New(address, target)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// connect makes the callers' view.
func (r *rig) connect(shared *server.DevConfig, addresses []string) {
	r.t.Helper()
	ca, err := os.ReadFile(shared.CAFile)
	require.NoError(r.t, err)
	r.site = &load.Site{Addresses: addresses, CA: string(ca), Credentials: signature.Credentials{
		AccessKeyID: shared.AccessKeyID, AccessKeySecret: shared.AccessKeySecret,
	}}
	require.NoError(r.t, r.site.Connect())
	r.t.Cleanup(r.site.Close)
}

// active returns the node that says that it is the active one, or nil.
func (r *rig) active(ctx context.Context) *node {
	for _, n := range r.nodes {
		if n.isActive(ctx) {
			return n
		}
	}
	return nil
}

// awaitActive waits until a node is active, and all others are standbys.
func (r *rig) awaitActive(limit time.Duration) *node {
	r.t.Helper()
	var active *node
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		standbys := 0
		active = nil
		for _, n := range r.nodes {
			switch status, _ := n.health(r.t.Context()); status {
			case http.StatusOK:
				active = n
			case http.StatusTooManyRequests:
				standbys++
			}
		}
		if active != nil && standbys == len(r.nodes)-1 {
			return active
		}
	}
	for _, n := range r.nodes {
		status, body := n.health(r.t.Context())
		r.t.Logf("%s: /healthz says %d %s", n.name, status, body)
		if n.process != nil {
			r.t.Logf("%s:\n%s", n.name, n.process.Tail())
		}
	}
	require.FailNow(r.t, "the service is not whole", "within %s of the end of all faults", limit)
	return nil
}

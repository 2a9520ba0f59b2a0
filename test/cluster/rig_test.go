package cluster

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
)

const (
	// size is the number of nodes, and of members of etcd.
	size = 3
	// shortestLease is the shortest that etcd grants.
	shortestLease = 2 * time.Second
	// recovery is how long the service may need once all faults are over. A restart of all of etcd takes the longest.
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
	// starting has the members that were started, by number, until they are ready. One that another fault has started
	// once more is there once.
	starting map[int]func() error
	// listed is what was listed when the last history ended.
	listed history.Listed
}

// newRig starts everything and waits until a node is active.
func newRig(t *testing.T, s settings) *rig {
	t.Helper()
	r := prepareRig(t, s)
	var starts errgroup.Group
	for _, n := range r.nodes {
		t.Cleanup(n.kill)
		starts.Go(func() error { return n.start(r.program) })
	}
	require.NoError(t, starts.Wait())
	active := r.awaitActive(recovery)
	if s.certificates == nil {
		r.publishesLinks(active)
	}
	return r
}

// publishesLinks requires that etcd has a link for the active node: without the forger, nodes would reach each other
// past the links. On a busy machine, another node may just have taken over.
func (r *rig) publishesLinks(active *node) {
	r.t.Helper()
	o := newOperator(r.t, r.etcd.Endpoints())
	r.soon(func() error {
		leader, err := o.Get(r.t.Context(), "alicloudkms/leader")
		if err != nil {
			return err
		}
		for _, kv := range leader.Kvs {
			if strings.Contains(string(kv.Value), active.peersLink.Address()) {
				return nil
			}
		}
		active = r.awaitActive(recovery)
		return fmt.Errorf("the active node has published %s", leader.Kvs)
	})
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

package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
)

// cluster consists of three servers with one raft storage. Any of them answers; the leader runs the plugin.
type cluster struct {
	nodes []*vaultServer
}

const clusterSize = 3

// startCluster starts three servers with the seal in set, and joins them. Each must know the ports of all servers
// before any of them runs.
func startCluster(t *testing.T, p platform, set settings) *cluster {
	t.Helper()
	c := newCluster(t, p, set)
	t.Cleanup(func() {
		assert.NoError(t, c.stop())
		for _, node := range c.nodes {
			requireNoneOf(t, node.Home+"\x00")
		}
	})
	require.NoError(t, c.start())
	require.NoError(t, c.join())
	return c
}

func newCluster(t *testing.T, p platform, set settings) *cluster {
	t.Helper()
	addresses := freeAddresses(t, 2*clusterSize)
	c := &cluster{}
	for i := range clusterSize {
		set.address, set.clusterAddress, set.joins = addresses[i], addresses[clusterSize+i], addresses[:clusterSize]
		node, err := newVault(shared, p, fmt.Sprintf("%s-node%d-", p.name, i), set)
		require.NoError(t, err)
		c.nodes = append(c.nodes, node)
	}
	return c
}

// freeAddresses returns addresses that nothing but the test's own servers gets until the test ends.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = heldport.For(t)
	}
	return addresses
}

func (c *cluster) start() error {
	for _, node := range c.nodes {
		if err := node.start(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) stop() error {
	var errs []error
	for _, node := range c.nodes {
		errs = append(errs, node.Stop())
	}
	return errors.Join(errs...)
}

// join initializes the first node, lets the others join it, and waits until each has a vote.
func (c *cluster) join() error {
	first := c.nodes[0]
	if err := first.initialize(shared); err != nil {
		return err
	}
	// A new node gets its vote after this time.
	quick := map[string]any{"server_stabilization_time": "1s"}
	if _, err := first.Client.Logical().Write("sys/storage/raft/autopilot/configuration", quick); err != nil {
		return err
	}
	for _, node := range c.nodes[1:] {
		node.UnsealKey = first.UnsealKey
		node.Client.SetToken(first.Client.Token())
		if err := node.Await(node.unsealed); err != nil {
			return err
		}
	}
	return first.Await(c.canLoseANode)
}

// unsealed tries to unseal the node and reports whether it succeeded: it can't before the node has found its cluster.
func (v *vaultServer) unsealed() bool {
	_, _ = v.Client.Sys().Unseal(v.UnsealKey)
	status, err := v.Client.Sys().SealStatus()
	return err == nil && !status.Sealed
}

// canLoseANode reports whether all nodes are up to date and can vote.
func (c *cluster) canLoseANode() bool {
	for _, node := range c.nodes {
		if !node.IsActive() {
			continue
		}
		state, err := node.Client.Sys().RaftAutopilotState()
		return err == nil && state != nil && state.Healthy && len(state.Voters) == clusterSize
	}
	return false
}

// leader waits for a leader and returns it.
func (c *cluster) leader(t *testing.T) *vaultServer {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pollInterval) {
		for _, node := range c.nodes {
			if node.IsActive() {
				return node
			}
		}
	}
	require.Fail(t, "the cluster has no leader")
	return nil
}

// killWithPlugins kills a server that must be running our plugin, together with the plugin.
func (v *vaultServer) killWithPlugins(t *testing.T) {
	t.Helper()
	plugins, err := v.children(filepath.Join(v.plugins, pluginName))
	require.NoError(t, err)
	require.NotEmpty(t, plugins, "the leader must run the plugin")
	v.Kill()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// kmsNode is a node of a service on etcd.
type kmsNode struct {
	*kmsService
	node *servers.Node
}

// Start starts the node with its own configuration, and not as [servers.KMS.Start] does.
func (n *kmsNode) Start() error { return n.node.Start() }

func (n *kmsNode) awaitHealth(ctx context.Context, status int) error {
	return n.node.AwaitHealth(ctx, status)
}

// cluster is nodes on an etcd: the active one and its standbys.
type cluster struct {
	active   *kmsNode
	standbys []*kmsNode
	// since is when the active node began to serve.
	since time.Time
}

// etcdSettings makes a takeover as short as etcd allows, and each cluster one of its own on the same etcd.
const etcdSettings = "  lease  = \"2s\"\n  prefix = %q\n"

// startEtcd starts an etcd, which waits for the disk unless flags say otherwise.
func (s *stage) startEtcd(ctx context.Context, name string, members int, flags ...string) (*servers.Etcd, error) {
	build := exec.CommandContext(ctx, filepath.Join(s.root, "scripts", "etcd.sh"))
	var failure strings.Builder
	build.Stderr = &failure
	program, err := build.Output()
	if err != nil {
		return nil, fmt.Errorf("building etcd: %w\n%s", err, failure.String())
	}
	e, err := servers.StartEtcd(strings.TrimSpace(string(program)), s.folder(name), members, flags...)
	if err == nil {
		s.onClose(func() error { e.Kill(); return nil })
	}
	return e, err
}

// newNodes makes nodes that are not started yet.
func (s *stage) newNodes(name string, n int, etcd *servers.Etcd) ([]*kmsNode, error) {
	made, err := servers.NewNodes(s.program("alicloudkms"), s.folder(name), n, etcd, fmt.Sprintf(etcdSettings, name+"/"))
	var nodes []*kmsNode
	for _, node := range made {
		nodes = append(nodes, &kmsNode{&kmsService{node.KMS}, node})
	}
	return nodes, err
}

// startCluster starts nodes, of which the first is the active one.
func (s *stage) startCluster(ctx context.Context, name string, n int) (*cluster, error) {
	etcd, err := s.etcd()
	if err != nil {
		return nil, err
	}
	nodes, err := s.newNodes(name, n, etcd)
	if err != nil {
		return nil, err
	}
	c := &cluster{active: nodes[0], standbys: nodes[1:]}
	s.onClose(c.stop)
	for i, node := range nodes {
		if err := node.Start(); err != nil {
			return nil, err
		}
		role := http.StatusTooManyRequests
		if i == 0 {
			role = http.StatusOK
		}
		if err := node.awaitHealth(ctx, role); err != nil {
			return nil, err
		}
		if i == 0 {
			c.since = time.Now()
		}
	}
	return c, nil
}

// stop stops the standbys first, so that none takes over needlessly.
func (c *cluster) stop() error {
	var errs []error
	for _, node := range append(c.standbys, c.active) {
		errs = append(errs, node.Stop())
	}
	return errors.Join(errs...)
}

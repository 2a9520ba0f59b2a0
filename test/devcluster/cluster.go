package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// cluster is the nodes.
type cluster struct {
	options
	// dir is the folder that alicloudkms init has made.
	dir       string
	endpoints []string
	balancer  *balancer
	nodes     []*node
	// active is the node that was the active one when we last looked, and lostAt is when the service last lost it.
	active *node
	lostAt time.Time
}

const (
	// lease is etcd's shortest, so that one need not wait long for a takeover.
	lease = "2s"
	// lookEvery is how often the nodes are asked for their health.
	lookEvery    = 100 * time.Millisecond
	startTimeout = 3 * time.Minute
	restartAfter = 5 * time.Second
)

// makeCluster makes the files of the nodes. Their ports are held until this process ends.
func makeCluster(o options, endpoints []string, b *balancer) (*cluster, error) {
	c := &cluster{options: o, dir: filepath.Join(o.dir, "kms"), endpoints: endpoints, balancer: b}
	command := []string{
		"init", "-cluster", "dev", "-host", "127.0.0.1", "-listen", b.address(), "-etcd", strings.Join(endpoints, ","),
	}
	for i := range o.nodes {
		n, peers, err := newNode(c, fmt.Sprintf("node-%d", i+1))
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
		command = append(command, "-node", n.name+"="+peers)
	}
	b.start(c.nodes)
	if out, err := exec.Command(o.alicloudkms, append(command, c.dir)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("init: %w\n%s", err, out)
	}
	for _, n := range c.nodes {
		if err := n.configure(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// start starts all nodes, and waits until one is active and the others stand by.
func (c *cluster) start(ctx context.Context) error {
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	for deadline := time.Now().Add(startTimeout); !c.isReady(); time.Sleep(lookEvery) {
		if ctx.Err() != nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the nodes are not ready after three minutes; see their logs")
		}
		c.look(ctx)
	}
	c.active = c.nodes[0]
	for _, n := range c.nodes {
		if n.isActive() {
			c.active = n
		}
	}
	return nil
}

// look asks all nodes for their health.
func (c *cluster) look(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range c.nodes {
		all.Go(func() { n.look(ctx) })
	}
	all.Wait()
}

func (c *cluster) isReady() bool {
	active := 0
	for _, n := range c.nodes {
		switch n.status.Load() {
		case http.StatusOK:
			active++
		case http.StatusTooManyRequests:
		default:
			return false
		}
	}
	return active == 1
}

// introduce prints where everything is.
func (c *cluster) introduce() {
	fmt.Printf("\nThe KMS service runs on %d nodes, with its data in etcd (three members, lease %s):\n\n", len(c.nodes), lease)
	for _, n := range c.nodes {
		role := "standby"
		if n == c.active {
			role = "active"
		}
		fmt.Printf("  %s  %-7s  pid %-7d  clients: https://%s  page: http://%s/ with /healthz\n",
			n.name, role, n.pid(), n.listen, n.operations)
	}
	fmt.Printf("\n  load balancer for clients: %s\n  etcd: %s\n\n", c.balancer.address(), strings.Join(c.endpoints, " "))
	fmt.Printf("To see a takeover, kill the active node, %s:\n\n  kill -9 %d\n", c.active.name, c.active.pid())
}

// watch prints what happens to the nodes, and restarts those that have ended.
func (c *cluster) watch(ctx context.Context) {
	for ctx.Err() == nil {
		c.look(ctx)
		for _, n := range c.nodes {
			c.revive(n)
		}
		c.compare(time.Now())
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
}

// compare prints which node is active, if that has changed.
func (c *cluster) compare(now time.Time) {
	if c.active.isActive() {
		c.lostAt = time.Time{}
		return
	}
	if c.lostAt.IsZero() {
		c.lostAt = now
	}
	for _, n := range c.nodes {
		if n.isActive() {
			say("%s is the active node now, %.1f s after %s was; to kill it too: kill -9 %d",
				n.name, now.Sub(c.lostAt).Seconds(), c.active.name, n.pid())
			c.active, c.lostAt = n, time.Time{}
		}
	}
}

// revive starts a node that has ended.
func (c *cluster) revive(n *node) {
	switch {
	case n.isRunning():
	case n.endedAt.IsZero():
		n.endedAt = time.Now()
		say("%s has ended (%v), and starts again in %s", n.name, n.process.Wait(), restartAfter)
	case time.Since(n.endedAt) > restartAfter:
		n.endedAt = time.Time{}
		if err := n.start(); err != nil {
			say("%s does not start: %v", n.name, err)
			return
		}
		say("%s runs again, with pid %d", n.name, n.pid())
	}
}

// stop stops the standbys first, so that none takes over needlessly.
func (c *cluster) stop() error {
	var errs []error
	for _, active := range []bool{false, true} {
		for _, n := range c.nodes {
			if (n == c.active) == active && n.isRunning() {
				errs = append(errs, n.process.Stop())
			}
		}
	}
	return errors.Join(errs...)
}

package etcdtest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

// Options say what a cluster is like. The zero value is one member with etcd's defaults, without TLS.
type Options struct {
	// Members is their number, 1 or 3; 0 means 1.
	Members int
	// QuotaBytes is the size at which etcd raises the alarm NOSPACE; 0 means its default.
	QuotaBytes int64
	// NoSync makes commits fast: members do not wait for their disk. Even so, a killed member loses nothing.
	NoSync bool
	// TLS is the folder of the certificates that the program of test/etcd needs; empty means no TLS.
	TLS string
	// Links puts a link between every two members: see [Cluster.Between]. It needs Linux, where all of 127.0.0.0/8 is
	// this machine.
	Links bool
	// Dir is the folder of the data; empty means one of the test.
	Dir string
}

// Cluster is a running cluster.
type Cluster struct {
	options Options
	members []*Member
	// links has each link under the numbers of the members that open and accept its connections; nil without
	// Options.Links.
	links map[[2]int]*link.Link
}

// Start starts a cluster and waits until it has a leader. It ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	c := &Cluster{options: o}
	for i := range max(o.Members, 1) {
		c.members = append(c.members, &Member{
			name: fmt.Sprintf("m%d", i+1), program: path, arguments: c.arguments(i + 1), log: filepath.Join(o.Dir, "output"),
			client: heldport.For(t), peer: heldport.For(t),
		})
	}
	if o.Links {
		c.link(t)
	}
	require.NoError(t, c.writePlan())
	t.Cleanup(c.kill)
	require.NoError(t, c.start())
	return c
}

func (c *Cluster) arguments(number int) []string {
	arguments := []string{
		"-stdin", "-dir", c.options.Dir, "-member", strconv.Itoa(number),
		"-quota", strconv.FormatInt(c.options.QuotaBytes, 10), "-tls", c.options.TLS,
	}
	if c.options.NoSync {
		arguments = append(arguments, "-no-sync")
	}
	return arguments
}

// writePlan writes the members.json of the program.
func (c *Cluster) writePlan() error {
	var members []map[string]string
	for _, m := range c.members {
		members = append(members, map[string]string{
			"name": m.name, "client": m.client, "peer": m.peer, "advertised": m.advertised,
		})
	}
	content, err := json.Marshal(map[string]any{"token": rand.Text(), "members": members})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.options.Dir, "members.json"), content, 0o600)
}

// start starts all members at the same time: none is ready before most of them run.
func (c *Cluster) start() error {
	var group errgroup.Group
	for _, m := range c.members {
		group.Go(m.Restart)
	}
	return group.Wait()
}

func (c *Cluster) kill() {
	for _, m := range c.members {
		m.Kill()
	}
}

// Endpoints are the URLs of all members, for clients.
func (c *Cluster) Endpoints() []string {
	var endpoints []string
	for _, m := range c.members {
		endpoints = append(endpoints, c.url(m.client))
	}
	return endpoints
}

func (c *Cluster) url(address string) string {
	if c.options.TLS != "" {
		return "https://" + address
	}
	return "http://" + address
}

// Members is their number.
func (c *Cluster) Members() int { return len(c.members) }

// Member returns a member, counted from 0.
func (c *Cluster) Member(i int) *Member { return c.members[i] }

package etcdtest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

// domain is the domain of the members' host names, which only members resolve.
const domain = "etcd.test"

// link puts a link between every two members. All call a member by its host name, and each resolves it to the address
// of its own link.
func (c *Cluster) link(t testing.TB) {
	t.Helper()
	c.links = map[[2]int]*link.Link{}
	for from, m := range c.members {
		var names []string
		for to, other := range c.members {
			_, port, err := net.SplitHostPort(other.peer)
			require.NoError(t, err)
			host, address := other.name+"."+domain, "127.0.0.1"
			if from != to {
				address = fmt.Sprintf("127.1.%d.%d", from+1, to+1)
				c.links[[2]int{from, to}] = newLink(t, net.JoinHostPort(address, port), other.peer)
			}
			other.advertised = net.JoinHostPort(host, port)
			names = append(names, host+"="+address)
		}
		m.arguments = append(m.arguments, "-names", strings.Join(names, ","))
	}
}

func newLink(t testing.TB, address, target string) *link.Link {
	t.Helper()
	l, err := link.New(address, target)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// Between is the link by which one member connects to another, both counted from 0. etcd sends a member's messages over
// connections that the receiver opened, so to separate two members both of their links must fail.
func (c *Cluster) Between(from, to int) *link.Link { return c.links[[2]int{from, to}] }

// Part sets a fault on all links between a member, counted from 0, and the others.
func (c *Cluster) Part(member int, f link.Fault) {
	for ends, l := range c.links {
		if ends[0] == member || ends[1] == member {
			l.Set(f)
		}
	}
}

// Through makes links for a client of its own: one to each member, in their order. endpoints are the URLs of these
// links.
func (c *Cluster) Through(t testing.TB) (links []*link.Link, endpoints []string) {
	t.Helper()
	for _, m := range c.members {
		l := newLink(t, "127.0.0.1:0", m.client)
		links, endpoints = append(links, l), append(endpoints, c.url(l.Address()))
	}
	return links, endpoints
}

package cluster

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/pki"
)

// settings are what a rig is like.
type settings struct {
	lease time.Duration
	etcd  etcdtest.Options
	// certificates, if set, are those of etcd, which then knows the nodes by their own. The nodes' addresses can't be
	// forged then, so there is no link between two nodes.
	certificates *etcdtest.Certificates
}

// prepareRig makes everything but the nodes' processes.
func prepareRig(t *testing.T, s settings) *rig {
	t.Helper()
	s.etcd.Members, s.etcd.Links = size, true
	dir, shared := newSite(t)
	peers, err := pki.New("peers")
	require.NoError(t, err)
	require.NoError(t, peers.WriteCA(dir+"/peers-ca.pem"))
	r := &rig{
		t: t, program: build(t, "alicloudkms"), dir: dir, etcd: etcdtest.Start(t, s.etcd), starting: map[int]func() error{},
	}
	var addresses []string
	for number := range size {
		n := &node{
			number: number, dir: dir, name: fmt.Sprintf("node%d", number+1), shared: shared,
			listen: heldport.For(t), peers: heldport.For(t), operations: heldport.For(t),
		}
		require.NoError(t, peers.IssuePeer(dir, n.name, "alicloudkms://chaos/"+n.name, "127.0.0.1"))
		r.connectNode(n, s)
		r.nodes, addresses = append(r.nodes, n), append(addresses, n.callers.Address())
	}
	r.connect(shared, addresses)
	return r
}

// connectNode makes a node's links, and the configuration that has them.
func (r *rig) connectNode(n *node, s settings) {
	r.t.Helper()
	n.callers = newLink(r.t, n.listen)
	// The forged address is as long as the true one, whose port has five digits.
	n.peersLink = newLinkAt(r.t, heldport.For(r.t), n.peers)
	members, endpoints := r.etcd.Through(r.t)
	n.members = members
	var tls string
	if s.certificates != nil {
		certFile, keyFile := s.certificates.Client(r.t, n.name)
		tls = fmt.Sprintf("ca_file = %q\ncert_file = %q\nkey_file = %q\n", s.certificates.CAFile, certFile, keyFile)
	} else {
		for i, l := range members {
			endpoints[i] = "http://" + newForger(r.t, l.Address(), n.peers, n.peersLink.Address()).address()
		}
	}
	n.writeConfig(r.t, n.inEtcd(s.lease, endpoints, tls))
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

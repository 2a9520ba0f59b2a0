package setup

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// node is a node before it is written.
type node struct {
	name string
	// uri identifies it in its certificate for the others.
	uri *url.URL
	// peers is the host:port at which the others reach it.
	peers  string
	place  place
	server pki.Pair
	peer   pki.Pair
}

// parseNodes parses the Nodes option, and adds hosts to those of each node. The names and addresses of taken are in
// use.
func parseNodes(cluster string, all, hosts []string, taken []*node) (nodes []*node, err error) {
	for _, written := range all {
		n, err := parseNode(cluster, written)
		if err != nil {
			return nil, badOption("node", written, err)
		}
		isSame := func(other *node) bool { return other.name == n.name || other.peers == n.peers }
		if slices.ContainsFunc(nodes, isSame) || slices.ContainsFunc(taken, isSame) {
			return nil, badOption("node", written, errors.New("another node has this name or this address"))
		}
		if n.place.hosts, err = checkHosts(append(slices.Clone(hosts), n.place.hosts...)); err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	if len(nodes) == 0 {
		return nil, badOption("node", "", errors.New("give one for each machine, as NAME=HOST"))
	}
	return nodes, nil
}

func parseNode(cluster, written string) (*node, error) {
	name, address, _ := strings.Cut(written, "=")
	uri, err := peers.NodeURI(cluster, name)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, peersPort
	}
	if host, err = checkHost(host); err != nil {
		return nil, fmt.Errorf("give NAME=HOST or NAME=HOST:PORT, such as node-1=10.0.0.1: %w", err)
	}
	n := &node{name: name, uri: uri, peers: net.JoinHostPort(host, port)}
	n.place.hosts = append([]string{host}, "localhost", loopback, "::1")
	return n, nil
}

// certify makes the certificates of a node: the one for clients expires at until, and the one for other nodes at
// peersUntil.
func (n *node) certify(ca, nodesCA *pki.Authority, now, until, peersUntil time.Time) (err error) {
	if n.server, err = ca.Issue(serverTemplate(n.place.hosts, now, until)); err != nil {
		return err
	}
	n.peer, err = nodesCA.Issue(pki.Node(n.name, n.uri, now, peersUntil))
	return err
}

// certificates returns the files of the certificates that certify has made, and of their keys.
func (n *node) certificates() ([]newFile, error) {
	tlsKey, err := pki.EncodeKey(n.server.Key)
	peerKey, peerErr := pki.EncodeKey(n.peer.Key)
	return []newFile{
		{keyName, ownersFile, tlsKey},
		{certName, publicFile, pki.EncodeCertificates(n.server.Certificate)},
		{nodeKeyName, ownersFile, peerKey},
		{nodeCertName, publicFile, pki.EncodeCertificates(n.peer.Certificate)},
	}, errors.Join(err, peerErr)
}

package setup

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// ClusterOptions are the options of [InitCluster]. Dir, Nodes and Etcd have no default.
type ClusterOptions struct {
	// Options apply to each node. Hosts are names and addresses that lead to all of them, such as a load balancer's;
	// each node's own host is added.
	Options
	// Cluster is the name of the cluster; "" means kms.
	Cluster string
	// Nodes are NAME=HOST or NAME=HOST:PORT, the address at which the others reach the node. The default port is 8444.
	Nodes []string
	// Etcd are the URLs of etcd's members.
	Etcd []string
}

// MadeCluster is the result of [InitCluster].
type MadeCluster struct {
	// Made has no ConfigFile, no Hosts and no Expires: each node has its own.
	Made
	Cluster string     `json:"cluster"`
	Nodes   []MadeNode `json:"nodes"`
}

// MadeNode is a node of a [MadeCluster]. Its paths are absolute.
type MadeNode struct {
	Name       string `json:"name"`
	Dir        string `json:"dir"`
	ConfigFile string `json:"config_file"`
	// Peers is the host:port at which the other nodes reach it.
	Peers string `json:"peers"`
	// Hosts are the names and addresses in its certificate for clients, and Expires is when that expires.
	Hosts   []string  `json:"hosts"`
	Expires time.Time `json:"expires"`
	// NeedsEtcdFiles reports whether the certificates for etcd must be put into Dir.
	NeedsEtcdFiles bool `json:"needs_etcd_files"`
}

// The files that a node has in addition to those of a service on one machine, and the key of the nodes' CA.
const (
	nodesCAName    = "nodes-ca.pem"
	nodesCAKeyName = "nodes-ca.key"
	nodeCertName   = "node.pem"
	nodeKeyName    = "node.key"
)

const peersPort = "8444"

// InitCluster makes the files of a service on several machines: in Dir those for clients and of the CAs, and a folder
// for each node. After an error, nothing is left.
func InitCluster(o ClusterOptions) (_ MadeCluster, err error) {
	c, err := planCluster(o)
	if err != nil {
		return MadeCluster{}, err
	}
	f, err := makeFolder(c.made.Dir)
	if err != nil {
		return MadeCluster{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := c.write(f); err != nil {
		return MadeCluster{}, errors.Join(err, f.undo())
	}
	return c.result(), nil
}

// newCluster is a new service on several machines, before it is written.
type newCluster struct {
	// service is what the nodes have in common. It has no server certificate.
	*service
	name string
	etcd []string
	// nodesCA signs the nodes' certificates and nothing else.
	nodesCA *pki.Authority
	nodes   []*node
}

func planCluster(o ClusterOptions) (*newCluster, error) {
	c := &newCluster{name: cmp.Or(o.Cluster, "kms"), etcd: o.Etcd}
	if err := c.placeNodes(o); err != nil {
		return nil, err
	}
	if len(o.Hosts) == 0 { // Without a load balancer, clients go to the first node.
		o.Hosts = c.nodes[0].place.hosts[:1]
	}
	var err error
	if c.service, err = newService(o.Options); err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		n.place.listen = c.place.listen
		data := cmp.Or(c.data, filepath.Join(c.made.Dir, n.name))
		if err := checkSocketPath(filepath.Join(data, nodeSocketName)); err != nil {
			return nil, err
		}
	}
	return c, c.certify(o.Now)
}

// placeNodes checks the options about etcd and the cluster, and parses those of each node.
func (c *newCluster) placeNodes(o ClusterOptions) error {
	if len(o.Etcd) == 0 {
		return badOption("etcd", "", errors.New("nodes need the URLs of etcd's members, such as https://etcd1.internal:2379"))
	}
	for _, endpoint := range o.Etcd {
		if shown, problem := config.EndpointProblem(endpoint, o.Etcd[0]); problem != "" {
			return badOption("etcd", shown, errors.New("it "+problem))
		}
	}
	if _, err := peers.NodeURI(c.name, "node"); err != nil {
		return badOption("cluster", c.name, err)
	}
	var err error
	c.nodes, err = parseNodes(c.name, o.Nodes, o.Hosts, nil)
	return err
}

// certify makes the CA of the nodes, and the certificates of each node. The certificate for the other nodes is valid as
// long as its CA: a node with an expired one is cut off, and the cluster is protected by the CA, which certifies
// nothing else, rather than by a short life.
func (c *newCluster) certify(now time.Time) (err error) {
	until := now.AddDate(caLife, 0, 0)
	ca := pki.CA(commonName(fmt.Sprintf("KMS nodes of %s, %s", c.name, now.UTC().Format(time.DateOnly))), now, until)
	if c.nodesCA, err = pki.NewAuthority(ca, nil); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := n.certify(c.ca, c.nodesCA, now, c.made.Expires, until); err != nil {
			return err
		}
	}
	return nil
}

// write writes everything, the configurations last.
func (c *newCluster) write(f *folder) error {
	if err := c.writeShared(f); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.writeNode(f, n); err != nil {
			return err
		}
		if _, err := config.Load(f.name(filepath.Join(n.name, configName))); err != nil {
			return err
		}
	}
	return f.keep()
}

// writeShared writes the files that stay with the operator.
func (c *newCluster) writeShared(f *folder) error {
	caKey, err := pki.EncodeKey(c.ca.Key)
	nodesCAKey, nodesErr := pki.EncodeKey(c.nodesCA.Key)
	if err := errors.Join(err, nodesErr); err != nil {
		return err
	}
	return f.writeAll("", []newFile{
		{caKeyName, ownersFile, caKey},
		{caName, publicFile, pki.EncodeCertificates(c.ca.Certificate)},
		{nodesCAKeyName, ownersFile, nodesCAKey},
		{nodesCAName, publicFile, pki.EncodeCertificates(c.nodesCA.Certificate)},
		{secretName, ownersFile, []byte(c.secret.Reveal() + "\n")},
		{envName, ownersFile, []byte(c.env())},
	})
}

// writeNode writes the folder of a node. It is complete: it can be copied to the node's machine as it is.
func (c *newCluster) writeNode(f *folder, n *node) error {
	root, err := c.root.Encode()
	if err != nil {
		return err
	}
	defer clear(root)
	certificates, err := n.certificates()
	if err := errors.Join(err, f.makeBelow(n.name)); err != nil {
		return err
	}
	return f.writeAll(n.name, append(
		certificates,
		newFile{rootKeyName, ownersFile, root},
		newFile{caName, publicFile, pki.EncodeCertificates(c.ca.Certificate)},
		newFile{nodesCAName, publicFile, pki.EncodeCertificates(c.nodesCA.Certificate)},
		newFile{secretName, ownersFile, []byte(c.secret.Reveal() + "\n")},
		newFile{configName, publicFile, []byte(n.config(c))},
	))
}

func (c *newCluster) result() MadeCluster {
	made := MadeCluster{Made: c.made, Cluster: c.name}
	made.ConfigFile, made.Hosts, made.Expires = "", nil, time.Time{}
	for _, n := range c.nodes {
		dir := filepath.Join(c.made.Dir, n.name)
		made.Nodes = append(made.Nodes, MadeNode{
			Name: n.name, Dir: dir, ConfigFile: filepath.Join(dir, configName), Peers: n.peers, Hosts: n.place.hosts,
			Expires: c.made.Expires, NeedsEtcdFiles: strings.HasPrefix(c.etcd[0], "https:"),
		})
	}
	return made
}

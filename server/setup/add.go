package setup

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// AddOptions are for [AddNodes]. Dir, From and Nodes have no default.
type AddOptions struct {
	// Dir is where the new folders are made. It need not exist.
	Dir string
	// From is the folder of an existing node, as [InitCluster] has made it.
	From string
	// Nodes are as in [ClusterOptions].
	Nodes []string
	// Hosts are names and addresses that lead to all nodes; none means those in the certificate of the node in From.
	// Each node's own host is added.
	Hosts []string
	// CAKeyFile and NodesCAKeyFile are as in [RenewOptions].
	CAKeyFile, NodesCAKeyFile string
	// Now is the present time. The certificates are valid from an hour earlier.
	Now time.Time
}

// Added is the result of [AddNodes].
type Added struct {
	Cluster string `json:"cluster"`
	// From is the name of the node whose files were copied.
	From  string     `json:"from"`
	Nodes []MadeNode `json:"nodes"`
	// Elsewhere are the files outside its folder that the configuration names. Each new node needs them too.
	Elsewhere []string `json:"elsewhere,omitempty"`
}

// AddNodes makes folders for more nodes of a cluster, or for new machines that replace lost nodes. Each is a copy of an
// existing node's folder, with the files that its configuration names, but with its own address and certificates. After
// an error, nothing is left.
func AddNodes(o AddOptions) (_ Added, err error) {
	var paths [2]string
	for i, path := range []string{o.Dir, o.From} {
		if paths[i], err = absolute(path); err != nil {
			return Added{}, err
		}
	}
	o.Dir, o.From = paths[0], paths[1]
	from, err := openFolder(o.From)
	if err != nil {
		return Added{}, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	a, err := planAddition(o, from)
	if err != nil {
		return Added{}, err
	}
	defer a.forget()
	f, err := makeOrOpenFolder(o.Dir)
	if err != nil {
		return Added{}, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := a.write(f); err != nil {
		return Added{}, errors.Join(err, f.undo())
	}
	return a.made, nil
}

// addition is a set of nodes to add to a cluster, before they are written.
type addition struct {
	o      AddOptions
	from   *folder
	config config.Config
	// ca and nodesCA sign the certificates for clients and for nodes.
	ca, nodesCA *pki.Authority
	nodes       []*node
	copies      []newFile
	made        Added
}

// planAddition reads the folder of the existing node, and makes the certificates of the new ones.
func planAddition(o AddOptions, from *folder) (*addition, error) {
	a := &addition{o: o, from: from}
	var err error
	if a.config, err = config.Load(from.name(configName)); err != nil {
		return nil, err
	}
	if err := a.requireInitsNames(); err != nil {
		return nil, err
	}
	keys := whereCAKeys(o.Dir, o.CAKeyFile, o.NodesCAKeyFile)
	if err := errors.Join(keys.clients.read("-ca-key"), keys.nodes.read("-nodes-ca-key")); err != nil {
		return nil, err
	}
	server, ca, err := from.signed(certName, caName, keys.clients)
	if err != nil {
		return nil, err
	}
	peer, nodesCA, err := from.signed(nodeCertName, nodesCAName, keys.nodes)
	if err != nil {
		return nil, err
	}
	a.ca, a.nodesCA = ca, nodesCA
	if a.made.Cluster, a.made.From, err = peers.NameOf(peer); err != nil {
		return nil, fmt.Errorf("%s: %w", from.name(nodeCertName), err)
	}
	if err := a.placeNodes(server); err != nil {
		return nil, err
	}
	return a, errors.Join(a.certify(), a.readCopies())
}

// requireInitsNames refuses a configuration whose certificates are not where InitCluster puts them.
func (a *addition) requireInitsNames() error {
	c, at := a.config, a.from.name(configName)
	if c.Cluster == nil {
		return fmt.Errorf("%s is not the configuration of a node: it has no cluster block", at)
	}
	for _, is := range []struct{ field, path, name string }{
		{"listener.tls_cert_file", c.Listener.TLSCertFile, certName},
		{"listener.tls_key_file", c.Listener.TLSKeyFile, keyName},
		{"cluster.ca_file", c.Cluster.CAFile, nodesCAName},
		{"cluster.cert_file", c.Cluster.CertFile, nodeCertName},
		{"cluster.key_file", c.Cluster.KeyFile, nodeKeyName},
	} {
		if is.path != a.from.name(is.name) {
			return fmt.Errorf("%s: %s is not %s, where init puts it, so it is not known what a new node needs",
				at, is.field, is.name)
		}
	}
	return nil
}

// placeNodes parses the options of each node. server is the certificate of the existing node.
func (a *addition) placeNodes(server *x509.Certificate) error {
	address := a.config.Cluster.Address
	shared, err := checkHosts(a.o.Hosts)
	if err != nil {
		return err
	}
	if len(shared) == 0 {
		own, _, _ := net.SplitHostPort(address)
		shared = slices.DeleteFunc(pki.Hosts(server), func(host string) bool { return host == own || !isElsewhere(host) })
	}
	taken := []*node{{name: a.made.From, peers: address}}
	a.nodes, err = parseNodes(a.made.Cluster, a.o.Nodes, shared, taken)
	return err
}

func (a *addition) certify() error {
	until, err := a.ca.Until(a.o.Now.Add(certificateLife), a.o.Now)
	if err != nil {
		return fmt.Errorf("%s: %w", a.from.name(caName), err)
	}
	peersUntil, err := a.nodesCA.Until(a.o.Now.AddDate(caLife, 0, 0), a.o.Now)
	if err != nil {
		return fmt.Errorf("%s: %w; renew the certificates of the cluster first", a.from.name(nodesCAName), err)
	}
	for _, n := range a.nodes {
		if err := n.certify(a.ca, a.nodesCA, a.o.Now, until, peersUntil); err != nil {
			return err
		}
	}
	return nil
}

// write makes the folders.
func (a *addition) write(f *folder) error {
	for _, n := range a.nodes {
		if err := a.writeNode(f, n); err != nil {
			return err
		}
		c, err := config.Load(f.name(filepath.Join(n.name, configName)))
		if err != nil {
			return err
		}
		dir := f.name(n.name)
		a.made.Nodes = append(a.made.Nodes, MadeNode{
			Name: n.name, Dir: dir, ConfigFile: c.File(), Peers: n.peers, Hosts: n.place.hosts,
			Expires: n.server.Certificate.NotAfter, NeedsEtcdFiles: a.needsEtcdFiles(),
		})
	}
	return f.keep()
}

func (a *addition) writeNode(f *folder, n *node) error {
	written, err := a.from.root.ReadFile(configName)
	if err != nil {
		return err
	}
	files, err := n.certificates()
	if err != nil {
		return err
	}
	configured, err := withAddress(written, n.peers)
	if err != nil {
		return fmt.Errorf("%s: %w", a.from.name(configName), err)
	}
	if err := f.makeBelow(n.name); err != nil {
		return err
	}
	files = append(append(files, a.copies...), newFile{configName, publicFile, configured})
	return f.writeAll(n.name, files)
}

package setup

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
)

// RenewOptions are for [Renew].
type RenewOptions struct {
	// Dir is a folder with ca.pem and the certificate, tls.pem; that of a node also has nodes-ca.pem and node.pem. Or
	// it is the folder of a cluster, with the folders of its nodes.
	Dir string
	// CAKeyFile is the key of the CA; "" means ca.key in Dir.
	CAKeyFile string
	// NodesCAKeyFile is the key of the nodes' CA; "" means nodes-ca.key beside the CA's key.
	NodesCAKeyFile string
	// Hosts are the names and addresses in the new certificate for clients; none means those in the current one. They
	// can't be given for a cluster, whose nodes have different ones.
	Hosts []string
	// Now is the present time. The new certificates are valid from an hour earlier.
	Now time.Time
}

// Renewed is the result of [Renew] for a folder.
type Renewed struct {
	// CertificateFile is the renewed certificate for clients. It is "" if it was not renewed, because the key of its CA
	// was not there.
	CertificateFile string `json:"certificate_file,omitempty"`
	// ConfigFile is server.hcl in the same folder, or "" if there is none.
	ConfigFile string    `json:"config_file,omitempty"`
	Hosts      []string  `json:"hosts,omitempty"`
	Expires    time.Time `json:"expires,omitzero"`
	// Before is when the replaced certificate expires.
	Before time.Time `json:"before,omitzero"`
	// Node is the certificate for the other nodes; nil for a service on one machine.
	Node *RenewedNode `json:"node,omitempty"`
	// Nodes are the nodes of a cluster, if Dir is its folder. No other field is set then.
	Nodes []Renewed `json:"nodes,omitempty"`
}

// RenewedNode is a node's certificate for the others.
type RenewedNode struct {
	Name    string `json:"name"`
	Cluster string `json:"cluster"`
	// CertificateFile is "" if the certificate was not renewed, because the CA's key, MissingKeyFile, does not exist.
	CertificateFile string `json:"certificate_file,omitempty"`
	MissingKeyFile  string `json:"missing_key_file,omitempty"`
	// CAFile is the CA of the nodes, if it was renewed too. It has the same key, so earlier certificates stay valid.
	CAFile string `json:"ca_file,omitempty"`
	// Expires is when the current certificate expires, and Before when the replaced one does.
	Expires time.Time `json:"expires"`
	Before  time.Time `json:"before,omitzero"`
}

// Renew replaces the certificates in a folder by new ones from the same CAs. They are for the same keys, which Renew
// does not need. Everything is signed before the first file is replaced. Each file is replaced atomically and durably;
// after an error, some may have been replaced, and Renew can be called again.
func Renew(o RenewOptions) (_ Renewed, err error) {
	if o.Hosts, err = checkHosts(o.Hosts); err != nil {
		return Renewed{}, err
	}
	if o.Dir, err = absolute(o.Dir); err != nil {
		return Renewed{}, err
	}
	f, err := openFolder(o.Dir)
	if err != nil {
		return Renewed{}, err
	}
	r := &renewal{o: o, nodesCAs: map[string]*x509.Certificate{}}
	defer func() { err = errors.Join(err, f.close(), r.close()) }()
	if r.keys, err = readCAKeys(o); err != nil {
		return Renewed{}, err
	}
	made, err := r.renew(f)
	if err != nil {
		return Renewed{}, err
	}
	return made, r.replaceAll()
}

// renewal is the state of a Renew.
type renewal struct {
	o    RenewOptions
	keys caKeys
	// nodesCAs are the renewed CAs of nodes, keyed by the DER of the ones that they replace.
	nodesCAs map[string]*x509.Certificate
	// below are the opened folders of nodes.
	below []*folder
	files []replacement
}

// replacement is a certificate and the file in a folder that it replaces.
type replacement struct {
	in          *folder
	name        string
	certificate *x509.Certificate
}

func (r *renewal) replace(in *folder, name string, by *x509.Certificate) {
	r.files = append(r.files, replacement{in, name, by})
}

func (r *renewal) replaceAll() error {
	for _, file := range r.files {
		if err := file.in.replace(file.name, pki.EncodeCertificates(file.certificate)); err != nil {
			return err
		}
	}
	return nil
}

func (r *renewal) close() (err error) {
	for _, f := range r.below {
		err = errors.Join(err, f.close())
	}
	return err
}

// renew signs the certificates of a folder, or of the folders of the nodes below it.
func (r *renewal) renew(f *folder) (made Renewed, err error) {
	if !f.isClusters() {
		return r.renewIn(f)
	}
	nodes, err := f.nodes()
	if err != nil {
		return made, err
	}
	if len(r.o.Hosts) > 0 {
		return made, badOption("host", r.o.Hosts[0],
			fmt.Errorf("each node has its own; give it with the folder of one, such as %s", f.name(nodes[0])))
	}
	for _, name := range nodes {
		below, err := openFolder(f.name(name))
		if err != nil {
			return made, err
		}
		r.below = append(r.below, below)
		node, err := r.renewIn(below)
		if err != nil {
			return made, err
		}
		made.Nodes = append(made.Nodes, node)
	}
	return made, r.renewCopy(f)
}

// isClusters reports whether a folder is that of a cluster, as [InitCluster] has made it, rather than that of a node.
func (f *folder) isClusters() bool {
	return f.has(nodesCAName) && !f.has(certName) && !f.has(nodeCertName)
}

// nodes returns the names of the nodes' folders in the folder of a cluster.
func (f *folder) nodes() (names []string, err error) {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	for _, e := range entries {
		if e.IsDir() && f.has(filepath.Join(e.Name(), nodeCertName)) {
			names = append(names, e.Name())
		}
	}
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s has no node's folder any longer; name the CA's key with -ca-key, and give the folder of a node, "+
			"such as /etc/alicloudkms on its machine", f.path)
	}
	return names, err
}

// renewIn signs the certificates of the service in a folder.
func (r *renewal) renewIn(f *folder) (made Renewed, err error) {
	if f.has(configName) {
		made.ConfigFile = f.name(configName)
	}
	if r.keys.clients.key != nil {
		if err := r.renewServer(f, &made); err != nil {
			return made, err
		}
		if !f.has(nodeCertName) {
			return made, nil
		}
	}
	made.Node, err = r.renewPeer(f)
	return made, err
}

// renewServer signs the certificate for clients.
func (r *renewal) renewServer(f *folder, made *Renewed) error {
	current, ca, err := f.signed(certName, caName, r.keys.clients)
	if err != nil {
		return err
	}
	if made.Hosts = r.o.Hosts; len(made.Hosts) == 0 {
		made.Hosts = pki.Hosts(current)
	}
	renewed, err := sign(ca, current, made.Hosts, r.o.Now)
	if err != nil {
		return err
	}
	made.CertificateFile, made.Expires, made.Before = f.name(certName), renewed.NotAfter, current.NotAfter
	r.replace(f, certName, renewed)
	return nil
}

// sign returns a certificate that replaces current. It does not outlive its CA.
func sign(ca *pki.Authority, current *x509.Certificate, hosts []string, now time.Time) (*x509.Certificate, error) {
	until, err := ca.Until(now.Add(certificateLife), now)
	if err != nil {
		return nil, fmt.Errorf("%w; run alicloudkms init for another folder, and give clients its %s", err, caName)
	}
	template := serverTemplate(hosts, now, until)
	template.Subject = current.Subject
	return ca.Sign(template, current.PublicKey)
}

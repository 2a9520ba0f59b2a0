package peers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// Identity is a node's certificate and the CA by which it checks its peers.
type Identity struct {
	// Cluster and Node are the names in the certificate.
	Cluster, Node string
	// Expires is when peers begin to refuse the certificate: when it or a certificate above it expires.
	Expires time.Time

	certificate tls.Certificate
	authorities *x509.CertPool
}

// ParseIdentity reads a node's certificate followed by any intermediate ones, its key, and the certificates of the CA,
// all in PEM. It returns an error if a peer would refuse the certificate at now.
func ParseIdentity(certificate, key, authorities []byte, now time.Time) (*Identity, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	i := &Identity{certificate: pair, authorities: x509.NewCertPool()}
	if !i.authorities.AppendCertsFromPEM(authorities) {
		return nil, errors.New("the file of the CA has no certificate in PEM")
	}
	if i.Cluster, i.Node, err = NameOf(pair.Leaf); err != nil {
		return nil, err
	}
	chain, err := x509.ParseCertificates(joined(pair.Certificate))
	if err != nil {
		return nil, err
	}
	// A node is a server to some peers and a client of others.
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		chains, err := i.verify(chain, usage, now)
		if err != nil {
			return nil, err
		}
		i.Expires = expiryOf(chains)
	}
	return i, nil
}

// IsOf reports whether two identities belong to the same node.
func (i *Identity) IsOf(other *Identity) bool {
	return i.Cluster == other.Cluster && i.Node == other.Node
}

// HasCAOf reports whether two identities trust the same CA.
func (i *Identity) HasCAOf(other *Identity) bool { return i.authorities.Equal(other.authorities) }

// expiryOf returns when the last of chains becomes invalid. A chain is invalid once any of its certificates has
// expired.
func expiryOf(chains [][]*x509.Certificate) (last time.Time) {
	for _, chain := range chains {
		first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }).NotAfter
		if first.After(last) {
			last = first
		}
	}
	return last
}

func joined(parts [][]byte) (all []byte) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// nodeURI is the form of a node's URI. Its names appear in logs, audit lines and metrics.
var nodeURI = regexp.MustCompile(`^alicloudkms://([A-Za-z0-9][A-Za-z0-9.-]{0,62})/([A-Za-z0-9][A-Za-z0-9._-]{0,62})$`)

// NodeURI returns the URI for the certificate of a node. It returns an error if one of the names can't be used.
func NodeURI(cluster, node string) (*url.URL, error) {
	u := &url.URL{Scheme: "alicloudkms", Host: cluster, Path: "/" + node}
	if !nodeURI.MatchString(u.String()) {
		return nil, errors.New("a name has letters, digits, dots and dashes, begins with a letter or a digit, " +
			"and has at most 63 characters")
	}
	return u, nil
}

// NameOf returns the cluster and the name of the node in its certificate.
func NameOf(c *x509.Certificate) (cluster, node string, err error) {
	if len(c.URIs) != 1 {
		return "", "", fmt.Errorf("the certificate has %d URIs in its subjectAltName, not one such as %s",
			len(c.URIs), "alicloudkms://CLUSTER/NODE")
	}
	found := nodeURI.FindStringSubmatch(c.URIs[0].String())
	if found == nil {
		return "", "", fmt.Errorf("the URI %.128q in the subjectAltName is not of the form alicloudkms://CLUSTER/NODE",
			c.URIs[0])
	}
	return found[1], found[2], nil
}

// verify returns the chains from the first certificate to a CA, by way of the others, that are valid for usage at now.
// It returns an error if there are none.
func (i *Identity) verify(
	chain []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time,
) ([][]*x509.Certificate, error) {
	if len(chain) == 0 {
		return nil, errors.New("the peer has shown no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	return chain[0].Verify(x509.VerifyOptions{
		Roots: i.authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
}

// checkPeer returns the name of the peer that presented chain, or why the peer is refused.
func (i *Identity) checkPeer(chain []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) (string, error) {
	if _, err := i.verify(chain, usage, now); err != nil {
		return "", err
	}
	cluster, node, err := NameOf(chain[0])
	switch {
	case err != nil:
		return "", err
	case cluster != i.Cluster:
		return "", fmt.Errorf("the peer is node %s of another cluster, %s", node, cluster)
	case node == i.Node:
		return "", fmt.Errorf("the peer has the name of this node, %s", node)
	default:
		return node, nil
	}
}

// protocol is the ALPN protocol of a link. Nodes whose protocols differ can't connect.
const protocol = "alicloudkms-peers/1"

// tlsConfig returns the configuration of either end of a link. It accepts the peers for which accept returns nil.
func (i *Identity) tlsConfig(accept func(tls.ConnectionState) error) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		NextProtos:   []string{protocol},
		Certificates: []tls.Certificate{i.certificate},
		// accept checks more than the standard library would, in both directions alike.
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true, //nolint:gosec // See above.
		VerifyConnection: func(state tls.ConnectionState) error {
			if state.NegotiatedProtocol != protocol {
				return errors.New("the other end does not speak " + protocol)
			}
			return accept(state)
		},
		// Without tickets every link shows certificates, and whatever arrives on an idle link is not a ticket.
		SessionTicketsDisabled: true,
	}
}

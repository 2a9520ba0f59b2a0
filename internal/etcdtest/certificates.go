package etcdtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Certificates are the certificates of a cluster with TLS, and the CA of its clients.
type Certificates struct {
	// Dir is for [Options.TLS].
	Dir string
	// CAFile is the CA of the members' certificates.
	CAFile string

	clients authority
}

// authority is a CA, or a certificate with its key.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewCertificates makes the certificates of a cluster, in a folder of the test. Members, their listeners and clients
// have a CA each.
func NewCertificates(t testing.TB) *Certificates {
	t.Helper()
	dir := t.TempDir()
	c := &Certificates{Dir: dir, CAFile: filepath.Join(dir, "ca.pem"), clients: newAuthority(t, "clients")}
	listeners, peers := newAuthority(t, "listeners"), newAuthority(t, "peers")
	c.clients.write(t, filepath.Join(dir, "client-ca"))
	listeners.write(t, filepath.Join(dir, "ca"))
	peers.write(t, filepath.Join(dir, "peer-ca"))
	listeners.issue(t, "etcd").write(t, filepath.Join(dir, "server"))
	peers.issue(t, "etcd").write(t, filepath.Join(dir, "peer"))
	return c
}

// Client makes a certificate and its key for a client that etcd knows by the name. The files are in a folder of the
// test.
func (c *Certificates) Client(t testing.TB, name string) (certFile, keyFile string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	c.clients.issue(t, name).write(t, path)
	return path + ".pem", path + ".key"
}

// TLS is the configuration of a client with a certificate of that name.
func (c *Certificates) TLS(t testing.TB, name string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(c.Client(t, name))
	require.NoError(t, err)
	ca, err := os.ReadFile(c.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca))
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: []tls.Certificate{pair}}
}

func newAuthority(t testing.TB, name string) authority {
	t.Helper()
	template := newTemplate(name)
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	return authority{template, nil}.sign(t, template)
}

// issue makes a certificate for both ends of a connection on loopback.
func (a authority) issue(t testing.TB, name string) authority {
	t.Helper()
	template := newTemplate(name)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = []string{"*." + domain}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	return a.sign(t, template)
}

func newTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes([]byte(rand.Text()[:16])), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

// sign makes a certificate from a template, with a new key. It is self-signed if a has no key.
func (a authority) sign(t testing.TB, template *x509.Certificate) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return authority{certificate, key}
}

// write writes path.pem and path.key.
func (a authority) write(t testing.TB, path string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		path + ".pem": {Type: "CERTIFICATE", Bytes: a.certificate.Raw}, path + ".key": {Type: "PRIVATE KEY", Bytes: der},
	} {
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
	}
}

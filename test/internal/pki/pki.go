// Package pki makes the certificates of KMS instances as Alibaba Cloud has them: a private root that all customers have
// in common, below it the CA of a region, and below that a certificate for each instance.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A PKI is the private root and the CA of one region.
type PKI struct{ root, region *authority }

// authority is a CA with its key.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// New makes a root, and a CA for the region.
func New(region string) (*PKI, error) {
	root, err := newCA("Private KMS Root CA", 1, nil)
	if err != nil {
		return nil, err
	}
	regional, err := newCA("Private KMS "+region+" Second CA", 0, root)
	if err != nil {
		return nil, err
	}
	return &PKI{root: root, region: regional}, nil
}

// newCA makes a CA that above signs, or that signs itself if above is nil. Up to below CAs may be under it.
func newCA(name string, below int, above *authority) (*authority, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		MaxPathLen: below, MaxPathLenZero: below == 0,
	}
	return sign(template, above)
}

// sign makes the certificate of template, with a new key. It is signed by above, or by itself if above is nil.
func sign(template *x509.Certificate, above *authority) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = new(big.Int).SetBytes([]byte(rand.Text()[:16]))
	// The certificate is good for a month, so no alert is raised for it.
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(30*24*time.Hour)
	if above == nil {
		above = &authority{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above.certificate, key.Public(), above.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate: certificate, key: key}, err
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// CA returns the file that the console offers for an instance: the certificates of the root and of the regional CA, in
// lines that end in CR LF.
func (p *PKI) CA() string {
	return strings.ReplaceAll(string(p.root.pem())+string(p.region.pem()), "\n", "\r\n")
}

// RegionalCA returns only the certificate of the regional CA.
func (p *PKI) RegionalCA() string { return string(p.region.pem()) }

// WriteCA writes what CA returns.
func (p *PKI) WriteCA(path string) error { return os.WriteFile(path, []byte(p.CA()), 0o600) }

// Issue writes a new certificate for hosts, which are names and addresses, to the file NAME.pem in dir, and its key to
// NAME.key. The certificate of the regional CA follows it there.
func (p *PKI) Issue(dir, name string, hosts ...string) error {
	return p.issue(dir, name, p.region.pem(), hosts)
}

// IssueAlone is [PKI.Issue] without the certificate of the regional CA, which clients must then know.
func (p *PKI) IssueAlone(dir, name string, hosts ...string) error {
	return p.issue(dir, name, nil, hosts)
}

func (p *PKI) issue(dir, name string, chain []byte, hosts []string) error {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: hosts[0]}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return p.issueTo(dir, name, chain, hosts, template)
}

// IssuePeer is [PKI.Issue] for a node of a cluster, whose name is a URI, and which is client and server.
func (p *PKI) IssuePeer(dir, name, uri string, hosts ...string) error {
	identity, err := url.Parse(uri)
	if err != nil {
		return err
	}
	return p.issueTo(dir, name, p.region.pem(), hosts, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{identity},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

// issueTo issues template to hosts.
func (p *PKI) issueTo(dir, name string, chain []byte, hosts []string, template *x509.Certificate) error {
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	leaf, err := sign(template, p.region)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, name+".pem"), append(leaf.pem(), chain...), 0o600),
		os.WriteFile(filepath.Join(dir, name+".key"),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600),
	)
}

package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"time"
)

// skew is how far the clocks of clients may be behind when they first see a certificate.
const skew = time.Hour

// CA returns the template of a CA without subordinate CAs, valid from now to until.
func CA(name string, now, until time.Time) *x509.Certificate {
	ca := template(name, now, until)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	ca.MaxPathLenZero = true
	return ca
}

// Server returns the template of a certificate for a server. Clients accept it for each of hosts, which are DNS names
// and IP addresses.
func Server(name string, hosts []string, now, until time.Time) *x509.Certificate {
	leaf := template(name, now, until)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.BasicConstraintsValid = true
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	return leaf
}

// Node returns the template of a certificate for a node of a cluster, which is a client and a server of other nodes.
// uri is its name in the cluster.
func Node(name string, uri *url.URL, now, until time.Time) *x509.Certificate {
	leaf := Server(name, nil, now, until)
	leaf.ExtKeyUsage = append(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	leaf.URIs = []*url.URL{uri}
	return leaf
}

// Hosts returns the DNS names and IP addresses that a certificate is for.
func Hosts(c *x509.Certificate) []string {
	hosts := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}

// template leaves out the serial number: x509 then picks a random one.
func template(name string, now, until time.Time) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-skew), NotAfter: until}
}

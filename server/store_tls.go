package server

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"time"
)

// storeTLS is the certificate that a node presents to etcd, and the CAs that it trusts there. A reload may replace
// both; open connections keep the old ones.
type storeTLS struct{ current atomic.Pointer[storeIdentity] }

type storeIdentity struct {
	// ca has the CAs of etcd's members.
	ca *x509.CertPool
	// certificate is nil if the node presents none.
	certificate *tls.Certificate
}

func newStoreTLS(i storeIdentity) *storeTLS {
	s := &storeTLS{}
	s.current.Store(&i)
	return s
}

// config returns the TLS configuration for a new connection.
func (s *storeTLS) config() *tls.Config {
	i := s.current.Load()
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: i.ca, GetClientCertificate: i.forServer}
}

// forServer returns the certificate for a server that asks for one, or an empty one if there is none.
func (i *storeIdentity) forServer(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if i.certificate == nil {
		return &tls.Certificate{}, nil
	}
	return i.certificate, nil
}

// expires returns when the certificate expires, or zero if there is none.
func (s *storeTLS) expires() time.Time {
	if shown := s.current.Load().certificate; shown != nil {
		return shown.Leaf.NotAfter
	}
	return time.Time{}
}

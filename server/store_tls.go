package server

import (
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"time"
)

// storeTLS is what a node shows to etcd, and what it believes of it. A reload may replace it: connections of that
// moment keep the old one.
type storeTLS struct{ current atomic.Pointer[storeIdentity] }

type storeIdentity struct {
	// ca has the CAs of etcd's members.
	ca *x509.CertPool
	// certificate is nil if the node shows none.
	certificate *tls.Certificate
}

func newStoreTLS(i storeIdentity) *storeTLS {
	s := &storeTLS{}
	s.current.Store(&i)
	return s
}

// config is the configuration of a connection that begins now.
func (s *storeTLS) config() *tls.Config {
	i := s.current.Load()
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: i.ca, GetClientCertificate: i.forServer}
}

// forServer is what is shown to a server that asks for a certificate: an empty one if there is none.
func (i *storeIdentity) forServer(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if i.certificate == nil {
		return &tls.Certificate{}, nil
	}
	return i.certificate, nil
}

// expires is when the certificate expires, and zero if there is none.
func (s *storeTLS) expires() time.Time {
	if shown := s.current.Load().certificate; shown != nil {
		return shown.Leaf.NotAfter
	}
	return time.Time{}
}

package server

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// certificate is the TLS certificate of the listener. It can be replaced while connections are open: those go on, and new ones
// get the new certificate.
type certificate struct {
	// current is nil for plain HTTP.
	current atomic.Pointer[tls.Certificate]
}

func (l Listener) loadCertificate() (*tls.Certificate, error) {
	loaded, err := tls.LoadX509KeyPair(l.TLSCertFile, l.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	return &loaded, nil
}

// config is nil for plain HTTP.
func (c *certificate) config() *tls.Config {
	if c.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// notAfter is when the certificate ends.
func (c *certificate) notAfter() (time.Time, bool) {
	loaded := c.current.Load()
	if loaded == nil || loaded.Leaf == nil {
		return time.Time{}, false
	}
	return loaded.Leaf.NotAfter, true
}

package server

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"
)

// certificate is the TLS certificate of the listener. It can be replaced while connections are open: those keep the old
// one, and new ones get the new one.
type certificate struct {
	// current is nil for plain HTTP.
	current atomic.Pointer[tls.Certificate]
}

// loadCertificate returns nil for plain HTTP.
func loadCertificate(l Listener) (*tls.Certificate, error) {
	if l.PlainHTTP {
		return nil, nil
	}
	loaded, err := tls.LoadX509KeyPair(l.TLSCertFile, l.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	return &loaded, nil
}

// config is nil for plain HTTP. maxVersion is the newest version of TLS; 0 means the newest of all.
func (c *certificate) config(maxVersion uint16) *tls.Config {
	if c.current.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		MaxVersion:     maxVersion,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// notAfter is when the certificate expires, and zero if there is none.
func (c *certificate) notAfter() time.Time {
	loaded := c.current.Load()
	if loaded == nil || loaded.Leaf == nil {
		return time.Time{}
	}
	return loaded.Leaf.NotAfter
}

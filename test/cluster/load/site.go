package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

const (
	// requestTimeout is how long a caller waits for an answer.
	requestTimeout = 2 * time.Second
	// patience is how long a patient caller waits: longer than a node is frozen, so that it gets whatever that node
	// answers first when it goes on.
	patience = 12 * time.Second
)

// Site is a service of one or more nodes, as its callers know it.
type Site struct {
	// Addresses are the addresses of the nodes, as host:port.
	Addresses []string
	// CA is the PEM of the authority of their certificates.
	CA          string
	Credentials signature.Credentials
	// Clock is the callers' clock; nil means [time.Now].
	Clock func() time.Time

	clients, patient []*client.Client
	http             *http.Client
	callers          atomic.Int64
}

// Connect makes the clients. Close closes their connections.
func (s *Site) Connect() error {
	if s.Clock == nil {
		s.Clock = time.Now
	}
	for _, address := range s.Addresses {
		c, err := s.newClient(address, requestTimeout)
		if err != nil {
			return err
		}
		patient, err := s.newClient(address, patience)
		if err != nil {
			return err
		}
		s.clients, s.patient = append(s.clients, c), append(s.patient, patient)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(s.CA)) {
		return errors.New("the site's CA is not PEM")
	}
	s.http = &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 8},
	}
	return nil
}

func (s *Site) newClient(address string, timeout time.Duration) (*client.Client, error) {
	return client.New(client.Config{
		Endpoint: address, CACert: s.CA, Credentials: client.Static(s.Credentials), Clock: s.Clock,
		// After a second attempt, the outcome of the first would be unclear.
		MaxRetries: -1, RequestTimeout: timeout, Proxy: noProxy,
	})
}

// Close closes idle connections.
func (s *Site) Close() {
	for _, c := range slices.Concat(s.clients, s.patient) {
		c.Close()
	}
	s.http.CloseIdleConnections()
}

// Client is the client of a node, for requests that are in no history.
func (s *Site) Client(node int) *client.Client { return s.clients[node] }

// newCaller returns the number of a new caller.
func (s *Site) newCaller() int { return int(s.callers.Add(1)) }

// outcome is what a caller knows of a request that ended with err. sent is false if it surely had no effect, and tells
// nothing of the service's state either: it was not sent, or was turned away for its timestamp.
func outcome(err error) (outcome history.Outcome, code kmsapi.Code, sent bool) {
	if err == nil {
		return history.Done, "", true
	}
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		kind := refused.Kind()
		switch {
		case kind == kmsapi.KindClock || kind == kmsapi.KindThrottle:
			return "", refused.Code, false
		case refused.HTTPStatus >= http.StatusInternalServerError:
			return history.Unknown, refused.Code, true
		}
		return history.Refused, refused.Code, true
	}
	if unsent, ok := errors.AsType[*client.TransportError](err); ok && unsent.Unsent {
		return "", "", false
	}
	return history.Unknown, "", true
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

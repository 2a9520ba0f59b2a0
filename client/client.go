package client

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	idleConnections = 128
	// idleTimeout is shorter than that of usual load balancers, so that they seldom close a connection we are about to
	// use.
	idleTimeout     = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	tlsSessionCache = 64
)

// A Client calls KMS. It holds no lock, and only clockSkew changes after [New].
type Client struct {
	// cfg has no zero values left.
	cfg      Config
	endpoint endpoint
	// url and header are those of every request. They are shared, because a transport changes neither.
	url    *url.URL
	header http.Header
	// pooled keeps connections for the next request. single makes one for each request, and keeps none.
	pooled, single *http.Transport
	// clockSkew is how far the server's clock is ahead of ours, in nanoseconds, as last learned from a refusal.
	clockSkew atomic.Int64
}

// New returns a client for cfg. It does no I/O; an invalid cfg is reported now, a network failure at
// the first call.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Endpoint == "" {
		host, err := kmsapi.Endpoint(cfg.Region, cfg.Network)
		if err != nil {
			return nil, err
		}
		cfg.Endpoint = host
	}
	where, err := parseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	roots, err := parseCACert(cfg.CACert)
	if err != nil {
		return nil, err
	}
	pooled := newTransport(cfg.RequestTimeout, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessionCache),
	})
	single := pooled.Clone()
	single.DisableKeepAlives = true
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {cfg.UserAgent}}
	return &Client{cfg: cfg, endpoint: where, url: where.address(), header: header, pooled: pooled, single: single}, nil
}

// newTransport speaks HTTP/1.1 only, where nothing but the transport's own, known rules sends a request twice.
func newTransport(timeout time.Duration, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: timeout}).DialContext,

		TLSClientConfig:        config,
		TLSHandshakeTimeout:    timeout,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// Endpoint returns the host and port that requests go to, for messages.
func (c *Client) Endpoint() string { return c.endpoint.String() }

// Close closes idle connections. Requests in flight go on, and close theirs when they are done. A later call works, and
// makes new connections.
func (c *Client) Close() { c.pooled.CloseIdleConnections() }

// Format prints the endpoint for every verb, since a [Provider] may hold secrets that print.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "KMS client of "+c.Endpoint()) }

package client

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	idleConnections = 128
	// idleTimeout is shorter than that of most load balancers, so that they seldom close a connection that the client
	// is about to use.
	idleTimeout     = 30 * time.Second
	maxHeaderBytes  = 64 << 10
	tlsSessionCache = 64
)

// A gateway is one destination of requests: the shared gateway of a region, or the dedicated gateway of a KMS instance.
// Each has its own connections, pace and clock skew.
type gateway struct {
	endpoint endpoint
	// url and header are the same for every request. They are shared, because a transport changes neither.
	url    *url.URL
	header http.Header
	// pooled keeps connections for the next request. single makes one for each request, and keeps none.
	pooled, single *http.Transport
	// hung has the addresses that new connections avoid.
	hung *hung
	// paces has a pace for each rate class. It is never changed.
	paces map[kmsapi.RateClass]*pace
	// clockSkew is how far the server's clock is ahead of ours, in nanoseconds, according to its last refusal.
	clockSkew atomic.Int64
}

// newGateway makes a gateway without I/O. serverName is the host name that the server's certificate must have; empty
// means the endpoint's own. Errors are a [*ConfigError].
func newGateway(cfg *Config, address, caCert, serverName string) (*gateway, error) {
	where, err := parseEndpoint(address)
	if err != nil {
		return nil, unusable("Endpoint", "%w", err)
	}
	roots, err := parseCACert(caCert)
	if err != nil {
		return nil, unusable("CACert", "%w", err)
	}
	hung := &hung{}
	pooled := newTransport(cfg, hung, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		ServerName:         serverName,
		ClientSessionCache: tls.NewLRUClientSessionCache(tlsSessionCache),
	})
	single := pooled.Clone()
	single.DisableKeepAlives = true
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {cfg.UserAgent}}
	return &gateway{
		endpoint: where, url: where.address(), header: header, pooled: pooled, single: single, hung: hung, paces: paces(),
	}, nil
}

// newTransport returns a transport for HTTP/1.1 only, with which a request is sent twice only by the transport's own,
// known rules.
func newTransport(cfg *Config, h *hung, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy: cfg.Proxy,

		OnProxyConnectResponse: proxyAnswered,
		DialContext:            h.dialer(cfg.RequestTimeout),

		TLSClientConfig:        config,
		TLSHandshakeTimeout:    cfg.RequestTimeout,
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// exchange sends form and reads the answer. It calls the transport itself, because an [http.Client] would only add
// redirects, cookies, and errors that hold the URL.
func (g *gateway) exchange(ctx context.Context, op kmsapi.Operation, form string) (reply, error) {
	req := g.request(ctx, form)
	transport := g.pooled
	if !op.Repeatable() {
		// On a reused connection, a failure leaves open whether the request arrived, and net/http may send it again on
		// its own. On a new connection, and without GetBody, it is sent once.
		transport, req.GetBody = g.single, nil
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := readBody(resp)
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// leave has the next connections go to another address, since one did not answer in time. It closes the idle ones:
// behind a load balancer, they may all lead to the machine that hangs, and each further attempt would wait for another
// of them.
func (g *gateway) leave(u *usedConn) {
	if u.connected.Load() {
		g.hung.avoid(u.conn.RemoteAddr().String())
	} else {
		g.hung.notConnected()
	}
	g.pooled.CloseIdleConnections()
}

// request does what [http.NewRequestWithContext] does, without parsing the URL each time.
func (g *gateway) request(ctx context.Context, form string) *http.Request {
	body := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
	opened, _ := body() // It never fails.
	r := http.Request{
		Method: http.MethodPost, URL: g.url, Host: g.url.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: g.header, Body: opened, GetBody: body, ContentLength: int64(len(form)),
	}
	return r.WithContext(ctx)
}

// String returns the host and port.
func (g *gateway) String() string { return g.endpoint.String() }

// failed returns a [TransportError] for an operation that may have run.
func (g *gateway) failed(op kmsapi.Operation, err error) error {
	return &TransportError{Operation: op, Endpoint: g.String(), Err: err}
}

// Package cloudcall sends the rare requests to services of Alibaba Cloud other than KMS: STS and RAM. A request is sent
// once, over a connection of its own, and no error shows anything that was received.
package cloudcall

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/servercert"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// timeout limits one request.
	timeout = 10 * time.Second
	// maxAnswer limits an answer, in bytes. A real one has 1.5 KB.
	maxAnswer = 64 << 10
	// maxName limits a code or request id that an error shows.
	maxName = 64
)

var errBroken = errors.New("the answer was incomplete; check the endpoint, the network and the proxy")

// NewTransport returns a transport that keeps no connections. The services need only HTTP/1.1. caCert holds authorities
// to trust in addition to the system's, in PEM, and has been checked. If proxy is nil, the environment decides.
func NewTransport(caCert string, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // The system has none.
	}
	roots.AppendCertsFromPEM([]byte(caCert))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:             proxy,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		Protocols:         protocols,
		DisableKeepAlives: true,
	}
}

// An Answer is a complete answer, of the service or of whatever else is at its endpoint.
type Answer struct {
	Status int
	// Date is when the server answered, by its own clock, and zero if it does not say.
	Date time.Time
	Body []byte
}

// An Error means that there was no answer.
type Error struct {
	// Unsent is set if there was no connection, so the service certainly did not run the request.
	Unsent bool
	// Err is the cause.
	Err error
}

// Error returns the cause's message.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Send sends a request once. Its errors are an [*Error]. It calls the transport itself, because an [http.Client] would
// follow redirects and put the URL into errors.
func Send(ctx context.Context, transport http.RoundTripper, req *http.Request) (*Answer, error) {
	var connected atomic.Bool
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	resp, err := transport.RoundTrip(req.WithContext(traced))
	if err != nil {
		return nil, &Error{Unsent: !connected.Load(), Err: safeCause(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return nil, &Error{Err: errBroken}
	}
	date, _ := http.ParseTime(resp.Header.Get("Date"))
	return &Answer{Status: resp.StatusCode, Date: date, Body: body}, nil
}

// A Refusal is why a service refuses a request, without its message, which may quote the request.
type Refusal struct {
	// Code is empty if something other than the service answered.
	Code kmsapi.Code
	// RequestID identifies the request in Alibaba Cloud's records.
	RequestID string `json:"RequestId"`
}

// Refusal reads the body of an answer that is not a success.
func (a *Answer) Refusal() (r Refusal) {
	if json.Unmarshal(a.Body, &r) != nil || len(r.Code) > maxName || len(r.RequestID) > maxName {
		return Refusal{}
	}
	return r
}

// safeCause returns err if its message can't contain anything that was received.
func safeCause(err error) error {
	for _, known := range []error{context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		advice := cmp.Or(servercert.Advice(untrusted),
			"if the server is the right one, give the CA certificate that signed its certificate")
		return fmt.Errorf("%w (%s)", servercert.Explain(untrusted.Err), advice)
	}
	if unreachable, ok := errors.AsType[net.Error](err); ok {
		return unreachable
	}
	return errBroken
}

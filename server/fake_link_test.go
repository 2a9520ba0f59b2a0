package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
)

// fakeNetwork connects the links of nodes that are all in one process.
type fakeNetwork struct {
	mu    sync.Mutex
	nodes map[string]*fakeLink
}

// fakeLink is one node's link to the others.
type fakeLink struct {
	network *fakeNetwork
	name    string
	handler func(gateway string) http.Handler
	// refusal is what Candidate returns.
	refusal atomic.Pointer[error]
	offset  atomic.Int64
	// off and cut are what ClockOff and Unreachable return.
	off, cut atomic.Pointer[error]
	// led counts the terms of the node.
	led atomic.Int64
	// said is what the node says about itself after a reload.
	said atomic.Pointer[peers.Description]
	// expires is what CertificateExpires returns.
	expires time.Time
	// While lost is set, the answers to requests that this node forwards are lost; while down is set, so are the
	// requests.
	lost, down atomic.Bool
}

func (n *fakeNetwork) join(name string, handler func(string) http.Handler) *fakeLink {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &fakeLink{network: n, name: name, handler: handler, expires: fakeExpiry}
	n.nodes[name] = l
	return l
}

func (n *fakeNetwork) node(name string) *fakeLink {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[name]
}

func (l *fakeLink) Self() cluster.Peer {
	return cluster.Peer{Name: l.name, Address: l.name + ".example.com:8444"}
}

func (l *fakeLink) Forward(
	ctx context.Context, to cluster.Peer, gateway string, r *http.Request, body []byte,
) (edge.Answer, error) {
	target := l.network.node(to.Name)
	if l.down.Load() || target == nil {
		return edge.Answer{}, fmt.Errorf("no link: %w", server.ErrNotRun)
	}
	handler := target.handler(gateway)
	if handler == nil {
		return edge.Answer{}, fmt.Errorf("not the active node: %w", server.ErrNotRun)
	}
	on := &fakeConnection{from: l.name}
	sent := r.Clone(edge.WithConnection(ctx, on))
	sent.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, sent)
	if l.lost.Load() {
		return edge.Answer{}, errors.New("the answer was lost")
	}
	header := recorder.Header()
	header.Del("Connection")
	return edge.Answer{
		Status: recorder.Code, Header: header, Body: recorder.Body.Bytes(), Authenticated: on.authenticated,
	}, nil
}

func (l *fakeLink) Candidate() error   { return pointed(&l.refusal) }
func (l *fakeLink) ClockOff() error    { return pointed(&l.off) }
func (l *fakeLink) Unreachable() error { return pointed(&l.cut) }

func pointed(err *atomic.Pointer[error]) error {
	if err := err.Load(); err != nil {
		return *err
	}
	return nil
}

func (l *fakeLink) BecomeActive()                     { l.led.Add(1) }
func (l *fakeLink) Describe(d peers.Description)      { l.said.Store(&d) }
func (l *fakeLink) SetIdentity(*peers.Identity) error { return nil }

// fakeExpiry is long after any time in a trial.
var fakeExpiry = time.Date(2036, 11, 22, 9, 0, 0, 0, time.UTC)

func (l *fakeLink) CertificateExpires() time.Time { return l.expires }

func (l *fakeLink) ClockOffset() time.Duration { return time.Duration(l.offset.Load()) }

func (l *fakeLink) Close() error {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	delete(l.network.nodes, l.name)
	return nil
}

// fakeConnection is the connection on which a forwarded request was received.
type fakeConnection struct {
	from          string
	authenticated bool
}

func (*fakeConnection) Handled()                         {}
func (*fakeConnection) AwaitLarge(context.Context) error { return nil }
func (c *fakeConnection) Authenticated()                 { c.authenticated = true }
func (c *fakeConnection) ForwardedBy() string            { return c.from }

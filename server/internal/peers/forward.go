package peers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// Every error of [Peers.Forward] wraps one of these. Compare with [errors.Is].
var (
	// ErrNotRun reports that the request has certainly not run.
	ErrNotRun = errors.New("the request was not run")
	// ErrUnknown reports that the request was sent, but that it is not known whether it has run.
	ErrUnknown = errors.New("it is not known whether the request was run")
)

// Causes of [ErrNotRun], wrapped together with it.
var (
	// ErrNotActive reports that the node that was asked is not the active one, or does not serve the gateway.
	ErrNotActive = errors.New("the node is not the active one, or has no such gateway")
	// ErrTooLarge reports a request beyond this node's own limits.
	ErrTooLarge = errors.New("the request is too large to be forwarded")
)

// Forward sends a request to the node to, and returns its answer. It sends the request a second time only if the first
// has certainly not arrived. When to is not the node of the last call, the links to the previous node are closed:
// requests still under way on them are answered, or fail in their own time.
func (p *Peers) Forward(ctx context.Context, to cluster.Peer, r Request) (Answer, error) {
	frame, err := p.encode(r)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	const tries = 2
	for try := 1; ; try++ {
		a, err := p.forward(ctx, to, frame)
		if err == nil {
			return a, nil
		}
		if try < tries && errors.Is(err, errNotWritten) && ctx.Err() == nil {
			continue
		}
		return Answer{}, fmt.Errorf("node %s: %w", to.Name, err)
	}
}

func (p *Peers) encode(r Request) ([]byte, error) {
	const usualHead = 2 << 10
	frame := r.append(appendElapsed(newFrame(request, usualHead+len(r.Body)), 0)) // See expire.
	if len(r.Body) > p.limits.body || len(frame)-frameHeader-expirySize-len(r.Body) > p.limits.head {
		return nil, ErrTooLarge
	}
	return finish(frame), nil
}

// forward sends a request once.
func (p *Peers) forward(ctx context.Context, to cluster.Peer, frame []byte) (Answer, error) {
	route, err := p.routeTo(to)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	l, err := route.requests.take(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	}
	a, err := l.forward(ctx, frame)
	route.requests.give(l, err != nil && !errors.Is(err, ErrNotActive))
	return a, err
}

// answers are the frames that may come back for a request.
var answers = bounds{answer: maxAnswer, refusal: 0, working: 0, goodbye: 0}

func (l *link) forward(ctx context.Context, frame []byte) (Answer, error) {
	l.expire(frame)
	k, content, err := l.exchange(ctx, frame, answers, l.times.answer)
	switch {
	case errors.Is(err, errNotWritten):
		return Answer{}, fmt.Errorf("%w: %w", ErrNotRun, err)
	case err != nil:
		return Answer{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	case k == refusal:
		return Answer{}, fmt.Errorf("%w: %w", ErrNotRun, ErrNotActive)
	case k == goodbye:
		return Answer{}, fmt.Errorf("%w: the node closes the link", ErrNotRun)
	}
	a, err := parseAnswer(content)
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return a, nil
}

// route has the links to a peer. Comparisons have a link of their own, since all others may be in use.
type route struct {
	to                   cluster.Peer
	requests, comparison *pool
}

func (r *route) close() {
	r.requests.close()
	r.comparison.close()
}

var errItself = errors.New("it is this node")

// routeTo returns the route to a peer. There is only one route at a time.
func (p *Peers) routeTo(to cluster.Peer) (*route, error) {
	if to.Name == p.identity.Load().Node {
		return nil, errItself
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	before := p.route
	if before != nil && before.to == to {
		p.mu.Unlock()
		return before, nil
	}
	dial := func(ctx context.Context) (*link, error) { return p.dial(ctx, to) }
	now := &route{to, newPool(p.o.Links, p.times, dial), newPool(1, p.times, dial)}
	p.route = now
	p.mu.Unlock()
	if before != nil {
		before.close()
	}
	return now, nil
}

// dial makes a link to a peer, whose certificate must have its name.
func (p *Peers) dial(ctx context.Context, to cluster.Peer) (*link, error) {
	identity := p.identity.Load()
	config := identity.tlsConfig(func(state tls.ConnectionState) error {
		name, err := identity.checkPeer(state.PeerCertificates, x509.ExtKeyUsageServerAuth, p.o.Clock())
		if err == nil && name != to.Name {
			err = fmt.Errorf("at its address is node %s", name)
		}
		return err
	})
	l, err := dialLink(ctx, to.Address, config, p.times)
	if err != nil {
		p.refusals.note("no link to a node", to.Name, err)
	}
	return l, err
}

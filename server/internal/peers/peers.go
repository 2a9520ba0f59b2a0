package peers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// Peers is a node's side of the links to all others. It is safe for parallel use.
type Peers struct {
	o        Options
	times    times
	limits   limits
	identity atomic.Pointer[Identity]
	self     atomic.Pointer[Description]
	compared *comparisons
	refusals *refusals
	server   *server
	// cut is set if the last comparison with the active node has failed.
	cut atomic.Pointer[cut]

	// mu guards the fields below.
	mu sync.Mutex
	// route leads to the active node, and is nil at first.
	route  *route
	closed bool
}

// Options of [New]. All fields are required, unless stated otherwise.
type Options struct {
	Identity *Identity
	Self     Description
	// Handler returns the handler for requests of the gateway of a KMS instance, or of the shared gateway if gateway is
	// "". It returns nil on a node that is not the active one. The handler must not forward them.
	Handler func(gateway string) http.Handler
	// MaxRequestBytes bounds the header and the body of a request, separately, as it does for clients.
	MaxRequestBytes int
	MaxClockSkew    time.Duration
	// Links is the most links that a node has to another; 0 means 256. Requests beyond that wait for a link.
	Links int
	// Clock is the service's clock. Elapsed is the time since some moment, independent of that clock; nil means Go's
	// monotonic clock.
	Clock   func() time.Time
	Elapsed func() time.Duration
	Log     *slog.Logger

	// times are usualTimes, except in tests that can't wait for those.
	times *times
}

const usualLinks = 256

// New returns the links of a node. They are dialed when they are needed.
func New(o Options) *Peers {
	if o.Links == 0 {
		o.Links = usualLinks
	}
	if o.Elapsed == nil {
		start := time.Now()
		o.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if o.times == nil {
		o.times = &usualTimes
	}
	p := &Peers{o: o, times: *o.times, limits: newLimits(o.MaxRequestBytes), refusals: newRefusals(o.Log)}
	p.identity.Store(o.Identity)
	p.self.Store(&o.Self)
	p.compared = &comparisons{
		now: p.reading, self: func() Description { return *p.self.Load() }, maxSkew: o.MaxClockSkew, peers: map[string]peer{},
	}
	p.server = newServer(p)
	return p
}

// Self returns this node as the others know it.
func (p *Peers) Self() cluster.Peer {
	return cluster.Peer{Name: p.identity.Load().Node, Address: p.self.Load().Address}
}

// Describe replaces what the node says about itself, for example after a reload of its configuration.
func (p *Peers) Describe(d Description) {
	p.self.Store(&d)
	p.compared.selfChanged()
}

// ErrRenamed reports that a new certificate names another node or another cluster. Such a change needs a restart.
var ErrRenamed = errors.New("the certificate is that of another node or cluster")

// SetIdentity replaces the certificate and the CA for new links.
func (p *Peers) SetIdentity(i *Identity) error {
	if !p.identity.Load().IsOf(i) {
		return ErrRenamed
	}
	p.identity.Store(i)
	return nil
}

// CertificateExpires returns when the peers begin to refuse the certificate of this node.
func (p *Peers) CertificateExpires() time.Time { return p.identity.Load().Expires }

// Candidate returns why this node may not become active: an error that wraps all that apply of [ErrClock],
// [ErrRootKey], [ErrLayout] and [ErrConfig]. It is nil if nothing is known against the node, for example when there has
// been no active node to compare it with.
func (p *Peers) Candidate() error { return p.compared.candidate() }

// Others returns the peers that this node has seen since its start.
func (p *Peers) Others() []Seen { return p.compared.others() }

// Run compares this node with the active one, about every second, until ctx ends. active returns the active node, if it
// is known.
func (p *Peers) Run(ctx context.Context, active func() (cluster.Peer, bool)) {
	round := time.NewTicker(p.times.round)
	defer round.Stop()
	for {
		to, known := active()
		p.compared.nobody(!known)
		if known && to.Name != p.Self().Name {
			if err := p.Compare(ctx, to); ctx.Err() == nil {
				p.reached(to, err)
			}
		} else {
			p.cut.Store(nil)
		}
		p.prune()
		select {
		case <-ctx.Done():
			return
		case <-round.C:
		}
	}
}

// prune closes links that have been idle for a while.
func (p *Peers) prune() {
	p.mu.Lock()
	route := p.route
	p.mu.Unlock()
	if route != nil {
		route.requests.prune(time.Now())
	}
}

// Close ends the links that this node has dialed, and those that [Peers.Serve] serves, at once.
func (p *Peers) Close() error {
	p.mu.Lock()
	route := p.route
	p.route, p.closed = nil, true
	p.mu.Unlock()
	if route != nil {
		route.close()
	}
	return p.server.close()
}

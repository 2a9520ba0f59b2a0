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
	// cut is the active node, if the last comparison with it has failed.
	cut atomic.Pointer[cut]

	// mu guards the fields below.
	mu sync.Mutex
	// route leads to the active node, and is nil at first.
	route  *route
	closed bool
}

// Options of [New]. All fields are required, unless something else is said.
type Options struct {
	Identity *Identity
	Self     Description
	// Handler returns what answers the requests of the gateway of a KMS instance, or of the shared gateway if that is "".
	// It returns nil on a node that is not the active one. The handler must not forward them.
	Handler func(gateway string) http.Handler
	// MaxRequestBytes bounds header and body of a request, each, as it does for clients.
	MaxRequestBytes int
	MaxClockSkew    time.Duration
	// Links is how many a node has to another at most; 0 means 256. The others wait.
	Links int
	// Clock is that of the service. Elapsed is the time since some moment, whatever the clock does; nil means Go's.
	Clock   func() time.Time
	Elapsed func() time.Duration
	Log     *slog.Logger

	// times are the usual ones unless a test can't wait for them.
	times *times
}

const usualLinks = 256

// New returns the links of a node. None exists until one is needed.
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

// Self is this node as the others know it.
func (p *Peers) Self() cluster.Peer {
	return cluster.Peer{Name: p.identity.Load().Node, Address: p.self.Load().Address}
}

// Describe replaces what the node says about itself, after a reload of its configuration for instance.
func (p *Peers) Describe(d Description) {
	p.self.Store(&d)
	p.compared.selfChanged()
}

// ErrRenamed reports that a new certificate has another name, or is for another cluster. That needs a restart.
var ErrRenamed = errors.New("the certificate is that of another node or cluster")

// SetIdentity replaces the certificate and the CA for new links.
func (p *Peers) SetIdentity(i *Identity) error {
	if !p.identity.Load().IsOf(i) {
		return ErrRenamed
	}
	p.identity.Store(i)
	return nil
}

// CertificateExpires is when the peers begin to refuse the certificate of this node.
func (p *Peers) CertificateExpires() time.Time { return p.identity.Load().Expires }

// Candidate returns why this node may not become the active one: errors that wrap [ErrClock], [ErrRootKey], [ErrLayout]
// and [ErrConfig]. It is nil if nothing is known against it, as when there has been no active node to compare with.
func (p *Peers) Candidate() error { return p.compared.candidate() }

// Others returns the peers that this node has seen since its start.
func (p *Peers) Others() []Seen { return p.compared.others() }

// Run compares this node with the active one, about every second, until ctx ends. active returns that node, if it is
// known.
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

// prune closes links that are not needed.
func (p *Peers) prune() {
	p.mu.Lock()
	route := p.route
	p.mu.Unlock()
	if route != nil {
		route.requests.prune(time.Now())
	}
}

// Close ends the links that this node has dialed, and what [Peers.Serve] serves, at once.
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

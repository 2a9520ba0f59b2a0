package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// Description is what a node says about itself.
type Description struct {
	// Address is where the node listens for its peers, as host:port.
	Address string `json:"address"`
	// Version is the version of the program, and Layout the newest layout of the store that it knows.
	Version string `json:"version"`
	Layout  int    `json:"layout"`
	// RootKey and Config are equal on two nodes if their root key and their configuration are. They must reveal nothing
	// without the root key, so they are keyed hashes.
	RootKey []byte `json:"root_key"`
	Config  []byte `json:"config"`
}

// greeting is the content of a hello, in both directions. The node that dialed sends its description and what it has
// measured before; the other adds when it received that and when it answered, by its own clock.
type greeting struct {
	Description
	Measured *measured `json:"measured,omitempty"`
	Received time.Time `json:"received,omitzero"`
	Answered time.Time `json:"answered,omitzero"`
}

// measured is how far the clock of the other end is ahead, and the error bound of that.
type measured struct {
	Offset time.Duration `json:"offset"`
	Bound  time.Duration `json:"bound"`
}

// Bounds of a hello, in bytes.
const (
	maxHello   = 4 << 10
	maxVersion = 64
	maxAddress = 261 // A host name, a colon and a port.
	maxHash    = 64
)

func parseGreeting(content []byte) (g greeting, err error) {
	if err := json.Unmarshal(content, &g); err != nil {
		return g, fmt.Errorf("%w: a hello", errMessage)
	}
	isLong := len(g.Version) > maxVersion || len(g.Address) > maxAddress || len(g.RootKey) > maxHash ||
		len(g.Config) > maxHash
	if isLong || !isPrintable(g.Version) || !isPrintable(g.Address) {
		return g, fmt.Errorf("%w: a hello", errMessage)
	}
	return g, nil
}

// isPrintable reports whether s is ASCII that logs and reports can show.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// frame returns g as a frame.
func (g greeting) frame() ([]byte, error) {
	content, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	if len(content) > maxHello {
		return nil, fmt.Errorf("what the node says about itself has %d bytes", len(content))
	}
	return finish(append(newFrame(hello, len(content)), content...)), nil
}

// Compare exchanges hellos with the active node, for [Peers.Candidate] and [Peers.Others]. If that fails, the links to
// it are taken to be cut.
func (p *Peers) Compare(ctx context.Context, active cluster.Peer) error {
	route, err := p.routeTo(active)
	if err != nil {
		return err
	}
	g, t, err := p.greet(ctx, route)
	if err != nil {
		route.requests.drop()
		return fmt.Errorf("node %s: %w", active.Name, err)
	}
	p.compared.active(active, g, t)
	return nil
}

func (p *Peers) greet(ctx context.Context, r *route) (g greeting, t timing, err error) {
	l, err := r.comparison.take(ctx)
	if err != nil {
		return g, t, err
	}
	defer func() { r.comparison.give(l, err != nil) }()
	frame, err := greeting{Description: *p.self.Load(), Measured: p.compared.measured(r.to.Name)}.frame()
	if err != nil {
		return g, t, err
	}
	t.sent = p.reading()
	k, content, err := l.exchange(ctx, frame, bounds{hello: maxHello, goodbye: 0}, p.times.alive)
	t.back = p.reading()
	if err == nil && k != hello {
		err = errClosed
	}
	if err == nil {
		g, err = parseGreeting(content)
	}
	t.received, t.answered = g.Received, g.Answered
	return g, t, err
}

// answerHello answers a hello of the peer called from.
func (p *Peers) answerHello(from string, content []byte) ([]byte, error) {
	received := p.o.Clock()
	g, err := parseGreeting(content)
	if err != nil {
		return nil, err
	}
	p.compared.greeted(from, g)
	return greeting{Description: *p.self.Load(), Received: received.UTC(), Answered: p.o.Clock().UTC()}.frame()
}

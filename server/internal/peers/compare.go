package peers

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// The reasons why a node may not become active. [Peers.Candidate] returns errors that wrap them; compare with
// [errors.Is].
var (
	ErrClock   = errors.New("its clock is off")
	ErrRootKey = errors.New("its root key differs from the active node's")
	ErrLayout  = errors.New("its program is older than the active node's")
	ErrConfig  = errors.New("its configuration differs from the active node's")
)

// ConfigGrace is how long the configurations of two nodes may differ, as they do while nodes are reloaded one after
// another.
const ConfigGrace = 10 * time.Minute

// Seen is a peer as this node last saw it.
type Seen struct {
	Name string
	Description
	// SameRootKey and SameConfig compare the peer with this node as it is now.
	SameRootKey, SameConfig bool
	// Measured reports whether Ahead is known. Ahead is how far the peer's clock is ahead of this node's, give or take
	// Bound.
	Measured     bool
	Ahead, Bound time.Duration
	// At is when the peer was last seen, by the service's clock.
	At time.Time
}

// comparisons is what is known about the peers. It is safe for parallel use.
type comparisons struct {
	now     func() reading
	self    func() Description
	maxSkew time.Duration

	// mu guards the fields below.
	mu    sync.Mutex
	peers map[string]peer
	// last is the name of the active node that this node was last compared with.
	last string
	// clock is the last good measurement of an active node's clock, or nil; clockOf is the name of that node.
	clock   *offset
	clockOf string
	// alone is since when no node is known to be active, in elapsed time; nil while one is.
	alone *time.Duration
	// differs is since when the configuration has differed from the last active node's, in elapsed time.
	differs *time.Duration
}

type peer struct {
	self   Description
	at     reading
	offset *offset
}

// active records the greeting of the active node.
func (c *comparisons) active(from cluster.Peer, g greeting, t timing) {
	p := peer{self: g.Description, at: t.back}
	p.self.Address = from.Address
	o, ok := t.measure()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok && o.bound <= c.maxSkew/2 {
		// A slower exchange proves too little. A candidate must be within half of max_clock_skew, so with this bound
		// its true offset is within max_clock_skew.
		c.clock, c.clockOf = &o, from.Name
		p.offset = &o
	} else {
		p.offset = c.peers[from.Name].offset
	}
	c.last = from.Name
	c.keep(from.Name, p)
	c.compareConfig()
}

// greeted records the greeting of a node that has dialed this one.
func (c *comparisons) greeted(name string, g greeting) {
	p := peer{self: g.Description, at: c.now()}
	if g.Measured != nil {
		p.offset = &offset{-g.Measured.Offset, g.Measured.Bound, p.at}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(name, p)
}

// maxPeers is more than any cluster has. Names come from certificates, so there are more peers only if the CA serves
// others too.
const maxPeers = 64

// keep replaces what is known about a peer. If there are too many, it forgets the peer seen longest ago, but never the
// active node. The caller holds mu.
func (c *comparisons) keep(name string, p peer) {
	c.peers[name] = p
	if len(c.peers) <= maxPeers {
		return
	}
	others := slices.Collect(maps.Keys(c.peers))
	others = slices.DeleteFunc(others, func(name string) bool { return name == c.last })
	delete(c.peers, slices.MinFunc(others, func(a, b string) int {
		return int(c.peers[a].at.elapsed - c.peers[b].at.elapsed)
	}))
}

// compareConfig starts or stops the time during which the configuration may differ. The caller holds mu.
func (c *comparisons) compareConfig() {
	active, known := c.peers[c.last]
	if !known || hmac.Equal(active.self.Config, c.self().Config) {
		c.differs = nil
	} else if c.differs == nil {
		now := c.now().elapsed
		c.differs = &now
	}
}

// measured returns what this node tells the peer called of about that peer's clock.
func (c *comparisons) measured(of string) *measured {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock == nil || c.clockOf != of {
		return nil
	}
	return &measured{c.clock.now(now), c.clock.bound}
}

// selfChanged compares the configuration again.
func (c *comparisons) selfChanged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.compareConfig()
}

// candidate returns why this node may not become active, or nil if nothing is known against it.
func (c *comparisons) candidate() error {
	now, self := c.now(), c.self()
	c.mu.Lock()
	defer c.mu.Unlock()
	var reasons []error
	if c.clock != nil {
		if off := c.clock.now(now); off.Abs() > c.maxSkew/2 && !c.outlived(now, off) {
			reasons = append(reasons, fmt.Errorf("%w: by %s from the active node's, of which half of max_clock_skew, %s, "+
				"is allowed", ErrClock, off.Abs().Round(time.Millisecond), c.maxSkew/2))
		}
	}
	active, known := c.peers[c.last]
	if !known {
		return errors.Join(reasons...)
	}
	if !hmac.Equal(active.self.RootKey, self.RootKey) {
		reasons = append(reasons, ErrRootKey)
	}
	if active.self.Layout > self.Layout {
		reasons = append(reasons, fmt.Errorf("%w: it knows layout %d of the store, and node %s layout %d",
			ErrLayout, self.Layout, c.last, active.self.Layout))
	}
	if c.differs != nil && now.elapsed-*c.differs >= ConfigGrace {
		reasons = append(reasons, fmt.Errorf("%w since %s", ErrConfig, (now.elapsed-*c.differs).Round(time.Second)))
	}
	return errors.Join(reasons...)
}

// others returns the peers in the order of their names.
func (c *comparisons) others() (all []Seen) {
	now, self := c.now(), c.self()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, p := range c.peers {
		s := Seen{
			Name: name, Description: p.self, At: p.at.wall,
			SameRootKey: hmac.Equal(p.self.RootKey, self.RootKey), SameConfig: hmac.Equal(p.self.Config, self.Config),
		}
		if p.offset != nil {
			s.Measured, s.Ahead, s.Bound = true, p.offset.now(now), p.offset.bound
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Seen) int { return strings.Compare(a.Name, b.Name) })
	return all
}

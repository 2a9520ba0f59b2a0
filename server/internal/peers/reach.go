package peers

import (
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// unreachableAfter is how long comparisons must have failed. A single failure may mean that the node has just stopped.
const unreachableAfter = 2 * time.Second

// cut describes an active node that can't be reached.
type cut struct {
	from  cluster.Peer
	since time.Duration
	err   error
}

// Unreachable returns why this node has not reached the active one for two seconds and so can't forward requests
// either, or nil. It needs [Peers.Run].
func (p *Peers) Unreachable() error {
	c := p.cut.Load()
	if c == nil || p.o.Elapsed()-c.since < unreachableAfter {
		return nil
	}
	return fmt.Errorf("node %s at %s: %w", c.from.Name, c.from.Address, c.err)
}

// reached records how the last comparison with a node ended.
func (p *Peers) reached(to cluster.Peer, err error) {
	if err == nil {
		p.cut.Store(nil)
		return
	}
	p.refusals.note("not compared with the active node", to.Name, err)
	now := &cut{to, p.o.Elapsed(), err}
	if before := p.cut.Load(); before != nil && before.from == to {
		now.since = before.since
	}
	p.cut.Store(now)
}

package peers

import (
	"fmt"
	"time"
)

// recently is how long ago a peer was seen at most whose clock counts. One that has left the cluster does not.
const recently = 10 * time.Second

// ClockOffset is by how much the clock of this node is ahead of that of the peer from which it differs most.
func (p *Peers) ClockOffset() (most time.Duration) {
	for _, ahead := range p.compared.offsets() {
		if ahead.Abs() > most.Abs() {
			most = -ahead
		}
	}
	return most
}

// ClockOff returns an error that wraps [ErrClock] if this node's clock is further from those of most peers than a
// candidate's may be from the active node's. It is for the active node, which measures itself against no other: the
// standbys say how far they have found it to be off.
func (p *Peers) ClockOff() error { return p.compared.clockOff() }

// offsets are how far the clocks of peers are ahead of this node's, as far as they are known.
func (c *comparisons) offsets() (all []time.Duration) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, p := range c.peers {
		if p.offset != nil && now.elapsed-p.at.elapsed <= recently && name != c.clockOf {
			all = append(all, p.offset.now(now))
		}
	}
	if c.clock != nil { // It counts even if that node is gone.
		all = append(all, c.clock.now(now))
	}
	return all
}

func (c *comparisons) clockOff() error {
	all, off := c.offsets(), 0
	for _, ahead := range all {
		if ahead.Abs() > c.maxSkew/2 {
			off++
		}
	}
	if 2*off <= len(all) {
		return nil
	}
	return fmt.Errorf("%w: it differs from those of %d of the %d other nodes by more than half of max_clock_skew, %s",
		ErrClock, off, len(all), c.maxSkew/2)
}

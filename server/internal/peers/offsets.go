package peers

import (
	"fmt"
	"time"
)

// recently is how recently a peer must have been seen for its clock to count. A peer that has left the cluster does not
// count.
const recently = 10 * time.Second

// ClockOffset returns how far this node's clock is ahead of the peer's clock that differs most from it.
func (p *Peers) ClockOffset() (most time.Duration) {
	for _, ahead := range p.compared.offsets() {
		if ahead.Abs() > most.Abs() {
			most = -ahead
		}
	}
	return most
}

// ClockOff returns an error that wraps [ErrClock] if this node's clock differs from those of most peers by more than a
// candidate's may differ from the active node's. It is for the active node, which dials no other to compare itself: the
// standbys report what they have measured.
func (p *Peers) ClockOff() error { return p.compared.clockOff() }

// offsets returns how far the clocks of peers are ahead of this node's, where that is known.
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

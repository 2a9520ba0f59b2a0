package peers

import "time"

// A node whose clock differs from the active node's may not take over: it might accept a request a second time, if the
// active node has accepted it at a time that is still in the future here. Once that time is past, the node may take
// over. Otherwise a cluster would stay without an active node after one whose own clock was off has died, although all
// others agree.

// mostOutlived is how far apart the clocks may be for that. Beyond it, one of the clocks is too wrong to serve by, and
// it might be this node's.
const mostOutlived = time.Minute

// nobody records whether no node is known to be active.
func (c *comparisons) nobody(isSo bool) {
	now := c.now().elapsed
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !isSo:
		c.alone = nil
	case c.alone == nil:
		c.alone = &now
	}
}

// outlived reports whether this node's clock is past every time that the last active node's clock, ahead by off, has
// shown, and has not been set since the two were compared. The caller holds mu.
func (c *comparisons) outlived(now reading, off time.Duration) bool {
	wasOff := c.clock.ahead.Abs() > c.maxSkew/2
	return c.alone != nil && wasOff && off.Abs() <= mostOutlived && now.elapsed-*c.alone > max(off, 0)+c.maxSkew
}

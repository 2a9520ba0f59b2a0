package peers

import "time"

// A node whose clock differs from the active one's may not take over: it might accept a request again that the other
// has accepted, at a time that is yet to come here. So it may once that time is past. Otherwise a cluster would stay
// without an active node after one whose own clock was off has died, although all others agree.

// mostOutlived is how far apart the clocks may be for that. Beyond it, a clock is one that nobody would want to serve
// by, and it might be this node's.
const mostOutlived = time.Minute

// nobody keeps whether no node is known to be the active one.
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

// outlived reports whether this node's clock is past all that the last active node's has shown, which is ahead by off,
// and has not been set since the two were compared. It needs mu.
func (c *comparisons) outlived(now reading, off time.Duration) bool {
	wasOff := c.clock.ahead.Abs() > c.maxSkew/2
	return c.alone != nil && wasOff && off.Abs() <= mostOutlived && now.elapsed-*c.alone > max(off, 0)+c.maxSkew
}

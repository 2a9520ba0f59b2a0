package peers

// BecomeActive says that this node is the active one now. How it differed from the previous active node no longer
// matters: now the others are compared with this node.
func (p *Peers) BecomeActive() { p.compared.lead() }

// lead forgets what this node was compared with.
func (c *comparisons) lead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last, c.clock, c.clockOf, c.differs = "", nil, "", nil
}

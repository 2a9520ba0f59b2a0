package connlimit

import (
	"net"
	"runtime"
	"time"
)

// Turns are the large requests of strangers that may be received at one time, for all gateways together.
type Turns chan struct{}

// NewTurns returns a few turns for each processor: more would only take memory.
func NewTurns() Turns {
	const perProcessor = 2
	return make(Turns, perProcessor*runtime.GOMAXPROCS(0))
}

const (
	// LargeTime is the longest turn. A connection that takes longer is closed.
	LargeTime = 5 * time.Second
	// LargeWait is the longest wait for a turn.
	LargeWait = 10 * time.Second
)

// turn is one that a connection has.
type turn struct{ timeout *time.Timer }

// beginTurn notes the turn that was taken, unless the connection has been closed.
func (c *Conn) beginTurn() error {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.removed {
		<-l.turns
		return net.ErrClosed
	}
	c.turn = &turn{time.AfterFunc(LargeTime, c.overdue)}
	return nil
}

// overdue closes the connection if it is in its turn.
func (c *Conn) overdue() {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.turn != nil {
		c.listener.drop(c, BoundLarge)
	}
}

// endTurn lets another connection have the turn, if there is any. The listener's mu is held.
func (c *Conn) endTurn() {
	if c.turn == nil {
		return
	}
	c.turn.timeout.Stop()
	c.turn = nil
	<-c.listener.turns
}

func (c *Conn) hasTurn() bool {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	return c.turn != nil
}

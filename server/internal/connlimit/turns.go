package connlimit

import (
	"net"
	"runtime"
	"time"
)

// Turns bounds how many large requests of strangers are received at the same time, by all gateways together.
type Turns chan struct{}

// NewTurns returns a few turns per processor: more would only take memory.
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

// turn is the turn of a connection.
type turn struct{ timeout *time.Timer }

// beginTurn gives the connection the turn that was taken, or gives the turn back if the connection has been closed.
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

// overdue closes the connection if it still has its turn.
func (c *Conn) overdue() {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.turn != nil {
		c.listener.drop(c, BoundLarge)
	}
}

// endTurn gives back the connection's turn, if it has one. The listener's mu is held.
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

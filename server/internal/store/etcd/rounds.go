package etcd

import (
	"context"
	"time"
)

// rounds is a loop of attempts with pauses between them, which ends with ctx.
type rounds struct {
	ctx context.Context
	// until also ends it, unless it is zero.
	until time.Time
	// pause is the length of the last pause; zero before the first round.
	pause time.Duration
}

const (
	shortestPause = 20 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// more pauses, except before the first round, and reports whether there is another round.
func (r *rounds) more() bool {
	if r.pause > 0 {
		select {
		case <-r.ctx.Done():
		case <-time.After(r.pause):
		}
	}
	r.pause = min(max(2*r.pause, shortestPause), longestPause)
	return r.ctx.Err() == nil && (r.until.IsZero() || time.Now().Before(r.until))
}

// first reports whether this is the first round, or the first since a success that has set pause back to zero. Only
// failures of a first round are logged.
func (r *rounds) first() bool { return r.pause <= shortestPause }

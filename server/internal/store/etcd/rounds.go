package etcd

import (
	"context"
	"time"
)

// rounds is a loop of attempts with pauses between them, which ends with ctx.
type rounds struct {
	ctx context.Context
	// until ends it earlier, unless it is zero.
	until time.Time
	// pause is how long the last one was; zero before the first round.
	pause time.Duration
}

const (
	shortestPause = 20 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// more pauses, but not before the first round, and reports whether there is to be another one.
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

// first reports whether this is the first round, or one after a success that has set pause back to zero: the one to
// log.
func (r *rounds) first() bool { return r.pause <= shortestPause }

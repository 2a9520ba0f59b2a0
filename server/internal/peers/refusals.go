package peers

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// refusals logs what is wrong with the other ends of links, up to a rate: anyone that reaches the listener can cause
// it.
type refusals struct {
	log     *slog.Logger
	limiter *rate.Limiter
	omitted atomic.Int64
}

// The rate: a burst of lines, and then one per interval.
const (
	refusalsAtOnce = 5
	refusalsEvery  = 10 * time.Second
)

func newRefusals(log *slog.Logger) *refusals {
	return &refusals{log: log, limiter: rate.NewLimiter(rate.Every(refusalsEvery), refusalsAtOnce)}
}

// maxReason is how much of an error is logged, in bytes: some errors quote names from certificates.
const maxReason = 512

func (r *refusals) note(what, peer string, err error) {
	if !r.limiter.Allow() {
		r.omitted.Add(1)
		return
	}
	reason := err.Error()
	r.log.Warn(what, "peer", peer, "error", reason[:min(len(reason), maxReason)], "omitted", r.omitted.Swap(0))
}

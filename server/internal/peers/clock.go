package peers

import "time"

// reading is what both clocks of this machine show at one moment.
type reading struct {
	// wall is the clock that timestamps of requests are checked against. It may be set.
	wall time.Time
	// elapsed is the time since some moment. It advances evenly.
	elapsed time.Duration
}

func (p *Peers) reading() reading { return reading{p.o.Clock().Round(0), p.o.Elapsed()} }

// timing has four moments of a hello: sent and back by this node's clocks, received and answered by the peer's clock.
type timing struct {
	sent, back         reading
	received, answered time.Time
}

// offset is how far the clock of a peer is ahead of this node's.
type offset struct {
	ahead, bound time.Duration
	// at is when this was measured.
	at reading
}

// measure returns the offset that an exchange shows. The true offset is within bound, half of the time that both
// messages were under way, as in NTP. ok is false if no sane clock of a peer can explain the exchange.
func (t timing) measure() (o offset, ok bool) {
	within := t.answered.Sub(t.received)
	underWay := t.back.elapsed - t.sent.elapsed - within
	if within < 0 || underWay < 0 {
		return o, false
	}
	o.bound, o.at = underWay/2, t.sent
	o.ahead = t.received.Sub(t.sent.wall) - o.bound
	return o, true
}

// now returns the offset at a later moment: this node's clock may have been set since, which elapsed reveals. So a
// clock that has been corrected is noticed even if there is no node left to compare it with.
func (o offset) now(r reading) time.Duration {
	set := r.wall.Sub(o.at.wall) - (r.elapsed - o.at.elapsed)
	return o.ahead - set
}

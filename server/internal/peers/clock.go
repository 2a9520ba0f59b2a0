package peers

import "time"

// reading is what both clocks of this machine say at one moment.
type reading struct {
	// wall is the one that requests' timestamps are checked against, and that may be set.
	wall time.Time
	// elapsed is since some moment, and goes on evenly.
	elapsed time.Duration
}

func (p *Peers) reading() reading { return reading{p.o.Clock().Round(0), p.o.Elapsed()} }

// timing is four moments of a hello: sent and back by this node's clocks, received and answered by the peer's clock.
type timing struct {
	sent, back         reading
	received, answered time.Time
}

// offset is how far the clock of a peer is ahead of this node's.
type offset struct {
	ahead, bound time.Duration
	// at is when it was so.
	at reading
}

// measure returns the offset that an exchange shows. The truth is within its bound, which is half of the time that both
// messages were under way, as with NTP. An exchange that no peer with a sane clock has is not ok.
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

// now returns the offset at a later moment: this node's clock may have been set since, which its other clock shows. So
// it is known that a clock has been put right, even if there is nobody left to compare it with.
func (o offset) now(r reading) time.Duration {
	set := r.wall.Sub(o.at.wall) - (r.elapsed - o.at.elapsed)
	return o.ahead - set
}

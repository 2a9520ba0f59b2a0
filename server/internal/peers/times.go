package peers

import "time"

// times bound every wait.
type times struct {
	// dial is for a new link, its handshake included, and slot for one of the links that a node may have.
	dial, slot time.Duration
	// content is for the content of a frame, read or written.
	content time.Duration
	// alive is within what the other end says at least that it still works, and beat how often it does.
	alive, beat time.Duration
	// answer is for the answer of a request, from its beginning.
	answer time.Duration
	// trusted is how long a link may have been idle that is used without a ping.
	trusted time.Duration
	// spare is how long a link is kept that nothing uses, and idle how long the other end keeps it.
	spare, idle time.Duration
	// round is between two comparisons.
	round time.Duration
}

// The answer comes before the client's connection is cut, 30 seconds after its request.
var usualTimes = times{
	dial: 2 * time.Second, slot: 2 * time.Second, content: 2 * time.Second,
	alive: 1500 * time.Millisecond, beat: 500 * time.Millisecond, answer: 25 * time.Second,
	trusted: time.Second, spare: time.Minute, idle: 5 * time.Minute,
	round: time.Second,
}

package peers

import "time"

// times bound every wait.
type times struct {
	// dial is for a new link, including its handshake, and slot for waiting until a link is free.
	dial, slot time.Duration
	// content is for the content of a frame, read or written.
	content time.Duration
	// alive is the longest silence of an end that is working on a request, and beat how often it says that it still is.
	alive, beat time.Duration
	// answer is for the answer of a request, from when the request begins.
	answer time.Duration
	// trusted is how long a link may have been idle to be used without a ping.
	trusted time.Duration
	// spare is how long an unused link is kept, and idle how long the other end keeps it.
	spare, idle time.Duration
	// round is the time between two comparisons.
	round time.Duration
}

// An answer must come before the client's connection is cut, 30 seconds after its request.
var usualTimes = times{
	dial: 2 * time.Second, slot: 2 * time.Second, content: 2 * time.Second,
	alive: 1500 * time.Millisecond, beat: 500 * time.Millisecond, answer: 25 * time.Second,
	trusted: time.Second, spare: time.Minute, idle: 5 * time.Minute,
	round: time.Second,
}

package peers

import (
	"encoding/binary"
	"time"
)

// Every request has an expiry: the moment at which its sender has certainly given up, by the elapsed time of the node
// that runs it. A request that the network has delayed for longer, or that a paused node finds in its buffers, does not
// run. Otherwise it would run after requests that were sent only once it had failed: a key might be enabled again after
// it was disabled.
//
// A pong carries the elapsed time of the other end, in nanoseconds.

// expirySize is how many bytes an elapsed time takes.
const expirySize = 8

func appendElapsed(message []byte, t time.Duration) []byte {
	return binary.BigEndian.AppendUint64(message, uint64(t))
}

// cutElapsed returns the elapsed time that a message begins with, and the rest of the message.
func cutElapsed(message []byte) (t time.Duration, rest []byte, err error) {
	if len(message) < expirySize {
		return 0, nil, errMessage
	}
	t = time.Duration(binary.BigEndian.Uint64(message))
	if t < 0 {
		return 0, nil, errMessage
	}
	return t, message[expirySize:], nil
}

// anchor is an upper bound of the other end's elapsed time at one moment.
type anchor struct {
	theirs time.Duration
	at     time.Time
}

// stale reports whether the clocks of the two machines may have drifted apart since then.
func (a anchor) stale() bool { return time.Since(a.at) > time.Minute }

// expire writes the expiry into the frame of a request that is sent now: the time for its content plus the time within
// which the other end must show a sign of life.
func (l *link) expire(frame []byte) {
	expiry := l.anchor.theirs + time.Since(l.anchor.at) + l.times.content + l.times.alive
	binary.BigEndian.PutUint64(frame[frameHeader:], uint64(expiry))
}

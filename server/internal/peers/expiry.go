package peers

import (
	"encoding/binary"
	"time"
)

// Every request has an expiry: the moment at which its sender has surely given up, by the elapsed time of the node
// that is to run it. What a network has held up for longer, or a paused node finds in its buffers, no longer runs.
// Otherwise it would run after requests that were sent only when this one had failed: a key might be enabled again
// after it was disabled.
//
// A pong says what the elapsed time is at the other end. It is written as nanoseconds.

// expirySize is how many bytes an elapsed time takes.
const expirySize = 8

func appendElapsed(message []byte, t time.Duration) []byte {
	return binary.BigEndian.AppendUint64(message, uint64(t))
}

// cutElapsed returns the elapsed time that a message begins with, and the rest of it.
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

// anchor is what the elapsed time of the other end was, at the latest, at a moment.
type anchor struct {
	theirs time.Duration
	at     time.Time
}

// stale reports whether the clocks of two machines may have drifted apart since.
func (a anchor) stale() bool { return time.Since(a.at) > time.Minute }

// expire writes the expiry into the frame of a request that is sent now: the time for its content, and that in which
// the other end has to show a sign of life.
func (l *link) expire(frame []byte) {
	expiry := l.anchor.theirs + time.Since(l.anchor.at) + l.times.content + l.times.alive
	binary.BigEndian.PutUint64(frame[frameHeader:], uint64(expiry))
}

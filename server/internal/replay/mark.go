package replay

import "time"

// A Mark is what one process leaves to the next about its clock, so that a clock that is set back in between does not
// let requests in again.
type Mark struct {
	// At is the latest time that the clock is known to have shown.
	At time.Time
	// Exact says that it has shown no later time since the mark was made.
	Exact bool
}

// MaxUnmarked is how often a mark must be stored, by the clock. A process that crashes has seen times up to so much
// later than its last mark.
const MaxUnmarked = 2 * time.Minute

// bound returns a time that the clock has not passed before a process starts at now. A clock that is before the mark
// has been set back, maybe from a later time. One that is not is assumed to have gone on.
func (m Mark) bound(now time.Time) time.Time {
	if !m.Exact && now.Before(m.At) {
		return m.At.Add(MaxUnmarked)
	}
	return m.At
}

// Mark returns what the caller stores for the next process: at the start, then at least every [MaxUnmarked], and at the
// end. At the end it is exact in any case.
func (m *Memory) Mark() Mark {
	now := m.observe()
	m.mu.Lock()
	defer m.mu.Unlock()
	// A clock that was set back does not catch up before the next mark.
	return Mark{At: m.seen, Exact: m.seen.Sub(now) > MaxUnmarked}
}

// LastMark returns what the caller stores for the next process, which may be on another machine. The memory accepts
// nothing from then on, so that no request that is late slips in after the mark. Every nonce that was accepted had a
// timestamp before the mark, or was made durable; so the next process need not wait until its clock is past that of
// this one.
func (m *Memory) LastMark() Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	return Mark{At: m.accepted, Exact: true}
}

// observe returns the time, and remembers it for Mark.
func (m *Memory) observe() time.Time {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = latest(m.seen, now)
	return now
}

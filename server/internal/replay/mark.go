package replay

import "time"

// A Mark is what one process tells the next about its clock, so that a clock that is set back in between does not let
// requests in again.
type Mark struct {
	// At is the latest time that the clock is known to have shown.
	At time.Time
	// Exact says that it has shown no later time since the mark was made.
	Exact bool
}

// MaxUnmarked is the longest time between two stored marks, by the clock. A process that crashes may have seen times up
// to this much later than its last mark.
const MaxUnmarked = 2 * time.Minute

// bound returns an upper bound of the times that the clock showed before a process starts at now. A clock that is
// before the mark has been set back, maybe from a later time than the mark. Any other clock is assumed not to have been
// set back.
func (m Mark) bound(now time.Time) time.Time {
	if !m.Exact && now.Before(m.At) {
		return m.At.Add(MaxUnmarked)
	}
	return m.At
}

// Mark returns what the caller stores for the next process: at the start, then at least every [MaxUnmarked], and at the
// end. The caller may store the last one as exact.
func (m *Memory) Mark() Mark {
	now := m.observe()
	m.mu.Lock()
	defer m.mu.Unlock()
	// A clock that was set back this far does not catch up before the next mark.
	return Mark{At: m.seen, Exact: m.seen.Sub(now) > MaxUnmarked}
}

// LastMark returns what the caller stores for the next process, which may be on another machine. From then on the
// memory accepts nothing, so that no late request slips in after the mark. Every accepted nonce had a timestamp before
// the mark or was made durable, so the next process need not wait until its clock is past that of this one.
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

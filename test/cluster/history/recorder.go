package history

import (
	"slices"
	"sync"
	"time"
)

// A Recorder collects events and letters. It is safe for parallel use.
type Recorder struct {
	began time.Time

	mu      sync.Mutex
	events  []Event
	letters []Letter
	worlds  int
}

// NewRecorder returns a recorder whose history begins now.
func NewRecorder() *Recorder { return &Recorder{began: time.Now()} }

// Now is the time since the history began, by the monotonic clock.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

// NewWorld returns the number of a new world.
func (r *Recorder) NewWorld() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worlds++
	return r.worlds - 1
}

// Note records an event.
func (r *Recorder) Note(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// NoteLetter records a letter, when it will not be sent again.
func (r *Recorder) NoteLetter(l Letter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letters = append(r.letters, l)
}

// Events returns what has been recorded so far, in the order of sending.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := slices.Clone(r.events)
	slices.SortStableFunc(events, func(a, b Event) int { return int(a.Call - b.Call) })
	return events
}

// Letters returns the letters that have been recorded so far.
func (r *Recorder) Letters() []Letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.letters)
}

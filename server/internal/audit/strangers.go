package audit

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of the lines for requests that were not authenticated.
const (
	StrangersPerSecond = 20
	StrangersBurst     = 200
	SummaryEvery       = 10 * time.Second
)

// strangers counts the requests that get no line of their own.
type strangers struct {
	limiter *rate.Limiter

	mu          sync.Mutex
	omitted     int
	first, last time.Time
}

func newStrangers() strangers {
	return strangers{limiter: rate.NewLimiter(StrangersPerSecond, StrangersBurst)}
}

// WriteStranger is [Log.Write] for a request that was refused before it was authenticated. Above the rate, it counts
// the request for the next summary.
func (l *Log) WriteStranger(r Record) error {
	if l.strangers.limiter.AllowN(r.Time, 1) {
		return l.Write(r)
	}
	if l.strangers.count(Record{Time: r.Time, omitted: 1}) {
		l.summarizeLater()
	}
	return nil
}

func (l *Log) summarizeLater() {
	time.AfterFunc(SummaryEvery, func() {
		if err := l.summarize(); err != nil && !errors.Is(err, ErrClosed) {
			l.summarizeLater()
		}
	})
}

// summarize writes the number of requests without a line. If it fails, they stay counted.
func (l *Log) summarize() error {
	r, ok := l.strangers.take()
	if !ok {
		return nil
	}
	err := l.Write(r)
	if err != nil {
		l.strangers.count(r)
	}
	return err
}

// count adds r to the summary, and reports whether r is the first since the last summary.
func (s *strangers) count(r Record) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first = s.omitted == 0
	if first {
		s.first = r.Time
	}
	s.omitted, s.last = s.omitted+r.omitted, r.Time.Add(r.Duration)
	return first
}

// take returns the summary of the counted requests, if any, and resets the count.
func (s *strangers) take() (r Record, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r = Record{Time: s.first, Duration: s.last.Sub(s.first), omitted: s.omitted}
	s.omitted = 0
	return r, r.omitted > 0
}

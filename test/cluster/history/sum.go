package history

import (
	"fmt"
	"slices"
	"time"
)

// Totals say how much a history has in it.
type Totals struct {
	Done, Refused, Unknown int
	Worlds                 int
	// Letters were sent in Deliveries, of which Taken were accepted.
	Letters, Deliveries, Taken int
	// Outage is the longest time in which no request was answered with success.
	Outage time.Duration
}

// Sum counts events and letters.
func Sum(events []Event, letters []Letter) (s Totals) {
	for _, e := range events {
		switch e.Outcome {
		case Done:
			s.Done++
		case Refused:
			s.Refused++
		case Unknown:
			s.Unknown++
		}
	}
	s.Worlds, s.Letters = len(byWorld(events)), len(letters)
	for _, l := range letters {
		s.Deliveries += len(l.Deliveries)
		s.Taken += len(l.accepted())
	}
	s.Outage = outage(events)
	return s
}

// outage is the longest time between two answers with success.
func outage(events []Event) (longest time.Duration) {
	var answered []time.Duration
	for _, e := range events {
		if e.Outcome == Done {
			answered = append(answered, e.Return)
		}
	}
	slices.Sort(answered)
	for i := 1; i < len(answered); i++ {
		longest = max(longest, answered[i]-answered[i-1])
	}
	return longest
}

// String is one line.
func (s Totals) String() string {
	return fmt.Sprintf("%d requests done, %d refused and %d in doubt, in %d worlds; %d of %d letters taken, in %d deliveries; "+
		"the longest time without success was %s", s.Done, s.Refused, s.Unknown, s.Worlds, s.Taken, s.Letters, s.Deliveries,
		s.Outage.Round(time.Millisecond))
}

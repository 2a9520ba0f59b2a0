package envelope

import "time"

// moment is a reading of two clocks. The monotonic one can't be set, but it stands still while a virtual machine is
// suspended; the wall clock goes on, but it can be set back.
type moment struct {
	monotonic time.Duration
	wall      time.Time
}

// since returns how long ago earlier was, by the clock that shows the longer time. It is never negative.
func (m moment) since(earlier moment) time.Duration {
	return max(m.monotonic-earlier.monotonic, m.wall.Sub(earlier.wall), 0)
}

// clockOf returns a clock that reads both from what now returns, as time.Now does.
func clockOf(now func() time.Time) func() moment {
	start := now()
	return func() moment {
		now := now()
		return moment{monotonic: now.Sub(start), wall: now.Round(0)} // Round removes the monotonic reading.
	}
}

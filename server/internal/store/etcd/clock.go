package etcd

import "time"

// Clock reads both clocks of a machine. The monotonic clock stops while the machine is suspended, and the wall clock
// may be set, so a lease ends by the one that shows more time passed.
type Clock struct {
	// Monotonic is the time since any fixed point.
	Monotonic func() time.Duration
	Wall      func() time.Time
}

// systemClock is the machine's clock.
func systemClock() Clock {
	start := time.Now()
	return Clock{
		Monotonic: func() time.Duration { return time.Since(start) },
		Wall:      func() time.Time { return time.Now().Round(0) },
	}
}

// instant is a moment on both clocks.
type instant struct {
	monotonic time.Duration
	wall      time.Time
}

func (c Clock) now() instant { return instant{c.Monotonic(), c.Wall()} }

// since returns how long ago i was, by the clock that shows more time passed.
func (c Clock) since(i instant) time.Duration {
	return max(c.Monotonic()-i.monotonic, c.Wall().Sub(i.wall))
}

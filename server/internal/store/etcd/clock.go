package etcd

import "time"

// Clock is the time by both of the clocks of a machine. The monotonic one stands still while a machine is suspended,
// and the wall clock may be set, so a lease ends by whichever is further.
type Clock struct {
	// Monotonic is the time since any fixed point.
	Monotonic func() time.Duration
	Wall      func() time.Time
}

// systemClock is the machine's.
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

// since returns how long ago i was, by whichever clock is further.
func (c Clock) since(i instant) time.Duration {
	return max(c.Monotonic()-i.monotonic, c.Wall().Sub(i.wall))
}

package replay

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The errors of [Memory.Remember]. Compare with [errors.Is].
var (
	// ErrUsed reports that the nonce has been used.
	ErrUsed = errors.New("the nonce has been used")
	// ErrTooOld reports that the timestamp is so early that the memory can't know whether the nonce has been used.
	ErrTooOld = errors.New("the timestamp is before what the nonce memory covers")
)

// The defaults of [Options].
const (
	DefaultWindow = 15 * time.Minute
	DefaultMax    = 2_000_000
)

// Options are the options of [New]. The zero value is right if nothing outlives the process.
type Options struct {
	// Window is how far a timestamp may be from now, either way; 0 means [DefaultWindow].
	Window time.Duration
	// Max bounds the nonces in memory, at about 40 bytes each; 0 means [DefaultMax].
	Max int
	// Clock returns the time; nil means [time.Now]. It must be the clock that timestamps are checked against.
	Clock func() time.Time
	// Fresh says that no earlier process has accepted a request for this service. Then timestamps before the start are
	// accepted too.
	Fresh bool
	// Mark is the last [Memory.Mark] that an earlier process has stored. With it, a clock that has been set back lets
	// no replay in.
	Mark Mark
	// Skew is how far the clock of an earlier process on another machine may be ahead of this one's. Zero means that
	// there was no process on another machine. Otherwise an exact Mark is the latest time at which any of them has
	// accepted a request: see [Memory.LastMark].
	Skew time.Duration
	// Durable stores a key so that it survives a crash once it has returned nil. The caller passes the key to
	// [Memory.Load] at the next start, and may delete it after expires. The byte order of keys is chronological. nil
	// keeps everything in memory, which is right only if access keys don't outlive the process either.
	Durable func(ctx context.Context, key string, expires time.Time) error
	// Drop deletes the keys that begin with prefix and for which isDropped returns true. It must be set if Durable is.
	Drop func(ctx context.Context, prefix string, isDropped func(key string) bool) error
}

// Memory remembers nonces. It is safe for concurrent use.
type Memory struct {
	window  time.Duration
	max     int
	clock   func() time.Time
	durable func(ctx context.Context, key string, expires time.Time) error
	drop    func(ctx context.Context, prefix string, isDropped func(key string) bool) error

	// mu guards the fields below. It is not held while a nonce is made durable.
	mu sync.Mutex
	// holders has the access keys that hold nonces, or a floor of their own.
	holders map[string]*holder
	count   int
	// floor is the first timestamp that is accepted.
	floor time.Time
	// seen is the latest time that the clock has shown, or may have shown to an earlier process.
	seen time.Time
	// accepted is when a nonce was last accepted, or the floor at the start if that is later.
	accepted time.Time
	// ended says that nonces are no longer accepted.
	ended bool
	// swept is the minute of the last sweep.
	swept int64
	// givenUp are shards of which the Durable hook may have stored something that has not been dropped.
	givenUp map[givenUp]struct{}
}

// New returns an empty memory, which starts at the time of this call.
func New(o Options) *Memory {
	m := &Memory{
		window: o.Window, max: o.Max, clock: o.Clock, durable: o.Durable, drop: o.Drop,
		holders: map[string]*holder{}, givenUp: map[givenUp]struct{}{},
	}
	if m.window == 0 {
		m.window = DefaultWindow
	}
	if m.max == 0 {
		m.max = DefaultMax
	}
	if m.clock == nil {
		m.clock = time.Now
	}
	now := m.now()
	bound := o.Mark.bound(now.Add(o.Skew))
	m.seen = latest(now, bound)
	switch {
	case o.Fresh:
	case o.Skew > 0 && o.Mark.Exact:
		m.floor = o.Mark.At
	default:
		m.floor = latest(now.Add(o.Skew), bound)
	}
	m.accepted = m.floor
	return m
}

// now returns the time without a monotonic reading, since it is compared with timestamps from other machines.
func (m *Memory) now() time.Time { return m.clock().Round(0) }

// Floor returns the first timestamp, a multiple of a second, that is accepted. It is zero for a fresh memory. Otherwise
// it is at first the end of the second in which the memory was created, or a later time if the clock has been set back.
func (m *Memory) Floor() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	floor := m.floor.Truncate(time.Second)
	if floor.Before(m.floor) {
		floor = floor.Add(time.Second)
	}
	return floor
}

// Len returns the number of nonces held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// A Nonce is a nonce that has been accepted.
type Nonce struct {
	accessKeyID string
	fingerprint fingerprint
	timestamp   time.Time
	ahead       bool
}

// AccessKeyID is the access key that signed the request.
func (n Nonce) AccessKeyID() string { return n.accessKeyID }

// Ahead reports whether the nonce must be stored before its request takes effect, since its timestamp is not in the
// past.
func (n Nonce) Ahead() bool { return n.ahead }

// Remember accepts the nonce of a request that accessKeyID signed at timestamp, once. The caller has verified the
// signature, and that timestamp is within the window. For a request without a nonce the caller passes its signature.
// Before the request takes effect, the caller passes the nonce to [Memory.Keep]. The nonce counts as used even if that
// never happens, or fails; a client signs every attempt with a new nonce anyway.
//
// The error is [ErrUsed] or [ErrTooOld].
func (m *Memory) Remember(accessKeyID, nonce string, timestamp time.Time) (Nonce, error) {
	now := m.now()
	n := Nonce{accessKeyID: accessKeyID, fingerprint: fingerprintOf(nonce), timestamp: timestamp}
	n.ahead = m.durable != nil && !timestamp.Before(now)
	return n, m.insert(n, now, (*holder).holds)
}

// insert adds a nonce, unless used reports that it is already there.
func (m *Memory) insert(n Nonce, now time.Time, used func(*holder, fingerprint) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = latest(m.seen, now)
	m.sweep(now)
	h := m.holders[n.accessKeyID]
	if h == nil {
		h = newHolder()
	}
	if m.ended || n.timestamp.Before(m.floor) || n.timestamp.Before(h.floor) {
		return ErrTooOld
	}
	if used(h, n.fingerprint) {
		return ErrUsed
	}
	if m.count >= m.max {
		m.makeRoom()
		if n.timestamp.Before(h.floor) {
			return ErrTooOld
		}
	}
	m.accepted = latest(m.accepted, now)
	m.holders[n.accessKeyID] = h
	h.add(minuteOf(n.timestamp), n.fingerprint)
	m.count++
	return nil
}

// sweep drops, once a minute, the shards whose timestamps are all outside the window, and raises the floor to their
// end.
func (m *Memory) sweep(now time.Time) {
	if minute := minuteOf(now); minute != m.swept {
		m.swept = minute
	} else {
		return
	}
	for id, h := range m.holders {
		for minute := range h.shards {
			if end := endOf(minute); !now.Before(end.Add(m.window)) {
				m.count -= h.drop(minute)
				m.floor = latest(m.floor, end)
			}
		}
		if h.count == 0 && !h.floor.After(m.floor) {
			delete(m.holders, id)
		}
	}
	for shard := range m.givenUp {
		if !now.Before(endOf(shard.minute).Add(m.window)) {
			delete(m.givenUp, shard) // What is stored of it has expired.
		}
	}
}

// makeRoom gives up the oldest shard of the access key that has the most nonces.
func (m *Memory) makeRoom() {
	id, largest := "", (*holder)(nil)
	for other, h := range m.holders {
		if largest == nil || h.count > largest.count {
			id, largest = other, h
		}
	}
	oldest := largest.oldest()
	if _, stored := largest.stored[oldest]; stored {
		m.givenUp[givenUp{id, oldest}] = struct{}{}
	}
	m.count -= largest.drop(oldest)
	largest.floor = latest(largest.floor, endOf(oldest))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

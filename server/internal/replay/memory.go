package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The refusals of [Memory.Remember]. Compare with [errors.Is].
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

// Options are those of [New]. The zero value is right where nothing outlives the process.
type Options struct {
	// Window is how far a timestamp may be from now, either way; 0 is [DefaultWindow].
	Window time.Duration
	// Max bounds the nonces in memory, at about 40 bytes each; 0 is [DefaultMax].
	Max int
	// Clock returns the time; nil means [time.Now]. It must be the clock that timestamps are checked against.
	Clock func() time.Time
	// Fresh says that no earlier process has accepted a request for this service. Then timestamps before the start are
	// as good as any.
	Fresh bool
	// Durable stores a nonce so that it survives a crash once it has returned nil. The caller passes key to
	// [Memory.Load] at the next start, and may delete it after expires. Keys begin with the timestamp, so that their
	// byte order is chronological. nil keeps everything in memory, which is right only if access keys don't outlive the
	// process either.
	Durable func(ctx context.Context, key string, expires time.Time) error
}

// Memory remembers nonces. It is safe for concurrent use.
type Memory struct {
	window  time.Duration
	max     int
	clock   func() time.Time
	durable func(ctx context.Context, key string, expires time.Time) error

	// mu guards the fields below. It is not held while a nonce is made durable.
	mu sync.Mutex
	// holders has the access keys that hold nonces, or a floor of their own.
	holders map[string]*holder
	count   int
	// floor is the first timestamp that is accepted.
	floor time.Time
	// swept is the minute of the last sweep.
	swept int64
}

// New returns an empty memory. Its start is the time of this call.
func New(o Options) *Memory {
	m := &Memory{window: o.Window, max: o.Max, clock: o.Clock, durable: o.Durable, holders: map[string]*holder{}}
	if m.window == 0 {
		m.window = DefaultWindow
	}
	if m.max == 0 {
		m.max = DefaultMax
	}
	if m.clock == nil {
		m.clock = time.Now
	}
	if !o.Fresh {
		m.floor = m.now()
	}
	return m
}

// now has no monotonic reading, since it is compared with timestamps from other machines.
func (m *Memory) now() time.Time { return m.clock().Round(0) }

// Floor returns the first timestamp, in whole seconds, that is accepted: zero for a fresh memory, and otherwise at
// first the end of the second in which the memory was created.
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

// Remember accepts the nonce of a request that accessKeyID signed at timestamp, once. The caller has verified the
// signature, and that timestamp is within the window. For a request without a nonce the caller passes its signature.
//
// The error is [ErrUsed], [ErrTooOld], or the Durable hook's. After an error of the hook the nonce counts as used,
// since it may have been stored; a client signs every attempt with a new nonce anyway.
func (m *Memory) Remember(ctx context.Context, accessKeyID, nonce string, timestamp time.Time) error {
	now := m.now()
	f := fingerprintOf(nonce)
	if err := m.insert(accessKeyID, f, timestamp, now, (*holder).holds); err != nil {
		return err
	}
	if m.durable == nil || timestamp.Before(now) {
		return nil
	}
	if err := m.durable(ctx, durableKey(accessKeyID, f, timestamp), timestamp.Add(m.window)); err != nil {
		return fmt.Errorf("a nonce could not be stored: %w", err)
	}
	return nil
}

// Load remembers a nonce that the Durable hook has stored for an earlier process. The caller loads all of them, expired
// or not, before the first Remember. An error means that key is not one of the hook's.
//
// A nonce may have been stored with two timestamps: the first was dropped to make room, and then the nonce was accepted
// again. It is remembered under both, since otherwise the later would be forgotten with the shard of the earlier.
func (m *Memory) Load(key string) error {
	accessKeyID, f, timestamp, err := parseDurableKey(key)
	if err != nil {
		return err
	}
	minute := minuteOf(timestamp)
	inSameShard := func(h *holder, f fingerprint) bool {
		_, held := h.shards[minute][f]
		return held
	}
	err = m.insert(accessKeyID, f, timestamp, m.now(), inSameShard)
	if errors.Is(err, ErrTooOld) || errors.Is(err, ErrUsed) {
		return nil
	}
	return err
}

// insert adds a nonce, unless used reports that it is already there.
func (m *Memory) insert(
	accessKeyID string, f fingerprint, timestamp, now time.Time, used func(*holder, fingerprint) bool,
) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	h := m.holders[accessKeyID]
	if h == nil {
		h = &holder{shards: map[int64]map[fingerprint]struct{}{}}
	}
	if timestamp.Before(m.floor) || timestamp.Before(h.floor) {
		return ErrTooOld
	}
	if used(h, f) {
		return ErrUsed
	}
	if m.count >= m.max {
		m.makeRoom()
		if timestamp.Before(h.floor) {
			return ErrTooOld
		}
	}
	m.holders[accessKeyID] = h
	h.add(minuteOf(timestamp), f)
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
}

// makeRoom drops the oldest shard of the access key that has the most nonces.
func (m *Memory) makeRoom() {
	var largest *holder
	for _, h := range m.holders {
		if largest == nil || h.count > largest.count {
			largest = h
		}
	}
	oldest := largest.oldest()
	m.count -= largest.drop(oldest)
	largest.floor = latest(largest.floor, endOf(oldest))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

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
	// ErrUsed says that the nonce has been used.
	ErrUsed = errors.New("the nonce has been used")
	// ErrTooOld says that the timestamp is so early that the memory can't tell whether the nonce has been used.
	ErrTooOld = errors.New("the timestamp is before what the nonce memory covers")
)

// The defaults of [Options].
const (
	DefaultWindow = 15 * time.Minute
	DefaultMax    = 2_000_000
)

// Options of [New]. The zero value is good where nothing has to outlive the process.
type Options struct {
	// Window is how far a timestamp may be from now, either way; 0 is [DefaultWindow].
	Window time.Duration
	// Max bounds the nonces in memory, at about 40 bytes each; 0 is [DefaultMax].
	Max int
	// Clock tells the time; nil is [time.Now]. It must be the clock that timestamps are judged by.
	Clock func() time.Time
	// Fresh says that no process has accepted a request for this service before. Then timestamps before the start are as
	// good as others.
	Fresh bool
	// Durable writes down a nonce so that it survives a crash, at the latest when it returns nil. The caller gives key to
	// [Memory.Load] at the next start, and may delete it after expires. Keys begin with the nonce's timestamp, in an order
	// of bytes that is that of time. nil keeps all in memory, which is right only if access keys don't outlive the process
	// either.
	Durable func(ctx context.Context, key string, expires time.Time) error
}

// Memory remembers nonces. It is safe for parallel use.
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

// New returns an empty memory. Its start is the moment of this call.
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

// now has no monotonic part: it is compared with timestamps of others.
func (m *Memory) now() time.Time { return m.clock().Round(0) }

// Floor is the first moment, in whole seconds, of which requests are accepted: zero for a fresh memory, else at first the
// end of the second in which it was made.
func (m *Memory) Floor() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	floor := m.floor.Truncate(time.Second)
	if floor.Before(m.floor) {
		floor = floor.Add(time.Second)
	}
	return floor
}

// Len is how many nonces are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

// Remember accepts the nonce of a request that accessKeyID signed at timestamp, once. The caller has verified the signature,
// and that timestamp is within the window. For a request without a nonce the caller takes its signature for one.
//
// The error is [ErrUsed], [ErrTooOld], or the Durable hook's. After the latter the nonce counts as used, since nobody knows
// whether it was written; the client signs anew anyhow.
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
		return fmt.Errorf("a nonce could not be written down: %w", err)
	}
	return nil
}

// Load remembers a nonce that the Durable hook has written for an earlier process. The caller loads all of them before the
// first Remember, those that have expired or not. An error means that key is none of the hook's.
//
// A nonce may have been written twice, with two timestamps: the first was given up to make room, and then the nonce was
// accepted again. It is remembered under both, or the later one would be forgotten with the shard of the earlier.
func (m *Memory) Load(key string) error {
	accessKeyID, f, timestamp, err := parseDurableKey(key)
	if err != nil {
		return err
	}
	minute := minuteOf(timestamp)
	inItsShard := func(h *holder, f fingerprint) bool {
		_, held := h.shards[minute][f]
		return held
	}
	if err := m.insert(accessKeyID, f, timestamp, m.now(), inItsShard); err != nil && !errors.Is(err, ErrTooOld) && !errors.Is(err, ErrUsed) {
		return err
	}
	return nil
}

// insert keeps a nonce, unless used says that it is there already.
func (m *Memory) insert(accessKeyID string, f fingerprint, timestamp, now time.Time, used func(*holder, fingerprint) bool) error {
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

// sweep drops, once a minute, the shards whose timestamps are all out of the window, and raises the floor over them.
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

// makeRoom takes the oldest shard from the access key that holds most.
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

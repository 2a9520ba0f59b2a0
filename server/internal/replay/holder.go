package replay

import (
	"crypto/sha256"
	"time"
)

// fingerprint identifies a nonce, whose length is unbounded. With 128 bits of SHA-256 no two honest nonces ever
// collide, and the owner of an access key who finds a collision only causes a request of their own to be refused.
type fingerprint [16]byte

func fingerprintOf(nonce string) fingerprint {
	sum := sha256.Sum256([]byte(nonce))
	return fingerprint(sum[:])
}

// A holder is an access key's part of the memory. The memory's lock guards it.
type holder struct {
	// shards has the nonces by the minute of their timestamp. A lookup tries each, about 30 at most, because a nonce
	// that comes back with another timestamp is used up too.
	shards map[int64]map[fingerprint]struct{}
	count  int
	// stored are the minutes of shards of which the Durable hook may have stored something.
	stored map[int64]struct{}
	// floor is the end of the last minute that was given up to make room.
	floor time.Time
}

func newHolder() *holder {
	return &holder{shards: map[int64]map[fingerprint]struct{}{}, stored: map[int64]struct{}{}}
}

func (h *holder) holds(f fingerprint) bool {
	for _, shard := range h.shards {
		if _, held := shard[f]; held {
			return true
		}
	}
	return false
}

func (h *holder) add(minute int64, f fingerprint) {
	shard := h.shards[minute]
	if shard == nil {
		shard = map[fingerprint]struct{}{}
		h.shards[minute] = shard
	}
	shard[f] = struct{}{}
	h.count++
}

// drop removes a shard, and returns how many nonces it had.
func (h *holder) drop(minute int64) int {
	n := len(h.shards[minute])
	delete(h.shards, minute)
	delete(h.stored, minute)
	h.count -= n
	return n
}

func (h *holder) oldest() int64 {
	first, found := int64(0), false
	for minute := range h.shards {
		if !found || minute < first {
			first, found = minute, true
		}
	}
	return first
}

const secondsPerMinute = 60

// minuteOf rounds down, also before 1970.
func minuteOf(t time.Time) int64 {
	seconds := t.Unix()
	minute := seconds / secondsPerMinute
	if seconds%secondsPerMinute < 0 {
		minute--
	}
	return minute
}

// endOf returns the first time after a minute.
func endOf(minute int64) time.Time { return time.Unix((minute+1)*secondsPerMinute, 0) }

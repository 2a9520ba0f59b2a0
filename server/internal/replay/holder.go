package replay

import (
	"crypto/sha256"
	"time"
)

// fingerprint identifies a nonce, whose length is unbounded. With 128 bits of SHA-256 honest nonces never collide, and
// an access key's owner who finds a collision only causes one of their own requests to be refused.
type fingerprint [16]byte

func fingerprintOf(nonce string) fingerprint {
	sum := sha256.Sum256([]byte(nonce))
	return fingerprint(sum[:])
}

// A holder is an access key's part of the memory. The memory's lock guards it.
type holder struct {
	// shards has the nonces by the minute of their timestamp. A lookup tries each, about 30 at most, because a nonce is
	// used up even if it comes back with another timestamp.
	shards map[int64]map[fingerprint]struct{}
	count  int
	// stored has the minutes of the shards of which the Durable hook may have stored something.
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

// minuteOf rounds down, even before 1970.
func minuteOf(t time.Time) int64 {
	seconds := t.Unix()
	minute := seconds / secondsPerMinute
	if seconds%secondsPerMinute < 0 {
		minute--
	}
	return minute
}

// endOf returns the end of a minute, which is the start of the next one.
func endOf(minute int64) time.Time { return time.Unix((minute+1)*secondsPerMinute, 0) }

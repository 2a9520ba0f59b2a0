package replay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
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
	// floor is the end of the last minute that was given up to make room.
	floor time.Time
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

// durableTime has a fixed width, so that byte order is chronological order.
const durableTime = "2006-01-02T15:04:05.000000000Z"

// durableKey is timestamp/fingerprint/access key id. The parts before the last have a fixed width, so it is injective.
func durableKey(accessKeyID string, f fingerprint, timestamp time.Time) string {
	return timestamp.UTC().Format(durableTime) + "/" + hex.EncodeToString(f[:]) + "/" + accessKeyID
}

var errDurableKey = errors.New("not a key that the nonce memory has stored")

func parseDurableKey(key string) (accessKeyID string, f fingerprint, timestamp time.Time, err error) {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) != 3 || len(parts[1]) != hex.EncodedLen(len(f)) {
		return "", f, timestamp, errDurableKey
	}
	if timestamp, err = time.Parse(durableTime, parts[0]); err != nil {
		return "", f, timestamp, errDurableKey
	}
	if _, err = hex.Decode(f[:], []byte(parts[1])); err != nil {
		return "", f, timestamp, errDurableKey
	}
	return parts[2], f, timestamp, nil
}

package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxHold is how far ahead of the clock a timestamp may be for Keep to wait until it is past, when its nonce can't be
// stored. SDKs wait at least twice as long for an answer.
const MaxHold = 5 * time.Second

// Keep stores a nonce for which [Nonce.Ahead] returns true, so that it survives a crash. The caller must act on the
// request only after that.
//
// If the Durable hook fails, a nonce that is at most [MaxHold] ahead is held until its timestamp is in the past: from
// then on it need not be stored, since the next process refuses timestamps before its start. So a store that takes no
// writes does not stop callers whose clock is a little ahead. Otherwise the error is the hook's.
func (m *Memory) Keep(ctx context.Context, n Nonce) error {
	if !n.ahead {
		return nil
	}
	m.noteStored(n)
	key := durableKey(n.accessKeyID, hex.EncodeToString(n.fingerprint[:]), n.timestamp)
	err := m.durable(ctx, key, n.timestamp.Add(m.window))
	if err == nil || m.hold(ctx, n.timestamp) {
		return nil
	}
	return fmt.Errorf("a nonce could not be stored: %w", err)
}

// noteStored records that some of n's shard may be stored, unless the shard has been given up.
func (m *Memory) noteStored(n Nonce) {
	m.mu.Lock()
	defer m.mu.Unlock()
	minute := minuteOf(n.timestamp)
	if h := m.holders[n.accessKeyID]; h != nil && h.shards[minute] != nil {
		h.stored[minute] = struct{}{}
	}
}

// hold waits until timestamp is in the past, and reports whether it is.
func (m *Memory) hold(ctx context.Context, timestamp time.Time) bool {
	ahead := timestamp.Sub(m.now())
	if ahead > MaxHold {
		return false
	}
	timer := time.NewTimer(ahead + time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return timestamp.Before(m.observe())
	case <-ctx.Done():
		return false
	}
}

// A givenUp identifies a shard that made room for others while its nonces were still within the window.
type givenUp struct {
	accessKeyID string
	minute      int64
}

// DropGivenUp deletes what the Durable hook has stored of shards that were given up, so that the bound of the memory
// also bounds what is stored. Before that it stores the access key's floor, without which the next process would accept
// the shard's nonces again. If something fails, the next call tries it again.
func (m *Memory) DropGivenUp(ctx context.Context) error {
	for _, shard := range m.allGivenUp() {
		floor := endOf(shard.minute)
		if err := m.durable(ctx, durableKey(shard.accessKeyID, floorMark, floor), floor.Add(m.window)); err != nil {
			return err
		}
		isOfShard := func(key string) bool {
			stored, err := parseDurableKey(key)
			return err == nil && stored.accessKeyID == shard.accessKeyID
		}
		if err := m.drop(ctx, durablePrefix(shard.minute), isOfShard); err != nil {
			return err
		}
		m.mu.Lock()
		delete(m.givenUp, shard)
		m.mu.Unlock()
	}
	return nil
}

func (m *Memory) allGivenUp() (all []givenUp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard := range m.givenUp {
		all = append(all, shard)
	}
	return all
}

// Load remembers what the Durable hook has stored for an earlier process. The caller loads all of it, expired or not,
// before the first Remember. An error means that key is not one of the hook's.
//
// A nonce may have been stored with two timestamps: the first was dropped to make room, and then the nonce was accepted
// again. It is remembered under both, since otherwise the later one would be forgotten with the shard of the earlier
// one.
func (m *Memory) Load(key string) error {
	stored, err := parseDurableKey(key)
	if err != nil {
		return err
	}
	if stored.isFloor {
		m.loadFloor(stored.accessKeyID, stored.timestamp)
		return nil
	}
	minute := minuteOf(stored.timestamp)
	inSameShard := func(h *holder, f fingerprint) bool {
		_, held := h.shards[minute][f]
		return held
	}
	err = m.insert(stored.Nonce, m.now(), inSameShard)
	if err == nil {
		m.noteStored(stored.Nonce)
	}
	if errors.Is(err, ErrTooOld) || errors.Is(err, ErrUsed) {
		return nil
	}
	return err
}

func (m *Memory) loadFloor(accessKeyID string, floor time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.holders[accessKeyID]
	if h == nil {
		h = newHolder()
		m.holders[accessKeyID] = h
	}
	h.floor = latest(h.floor, floor)
}

// A durable key is a timestamp, a slash, a nonce's fingerprint in hex, a slash and an access key's id. The parts before
// the last have a fixed width, so keys are injective, and their byte order is chronological. With [floorMark] for the
// fingerprint, the timestamp is the access key's floor.
const (
	durableTime = "2006-01-02T15:04:05.000000000Z"
	// durableMinute is the format of the prefix of all keys of a minute.
	durableMinute = "2006-01-02T15:04:"
	floorMark     = "floor"
)

func durableKey(accessKeyID, mark string, timestamp time.Time) string {
	return timestamp.UTC().Format(durableTime) + "/" + mark + "/" + accessKeyID
}

func durablePrefix(minute int64) string {
	return time.Unix(minute*secondsPerMinute, 0).UTC().Format(durableMinute)
}

var errDurableKey = errors.New("not a key that the nonce memory has stored")

// stored is a parsed durable key: a nonce, or an access key's floor at its timestamp.
type stored struct {
	Nonce
	isFloor bool
}

func parseDurableKey(key string) (s stored, err error) {
	parts := strings.SplitN(key, "/", 3)
	if len(parts) != 3 {
		return s, errDurableKey
	}
	if s.timestamp, err = time.Parse(durableTime, parts[0]); err != nil {
		return s, errDurableKey
	}
	s.accessKeyID, s.isFloor = parts[2], parts[1] == floorMark
	if s.isFloor {
		return s, nil
	}
	if len(parts[1]) != hex.EncodedLen(len(s.fingerprint)) {
		return s, errDurableKey
	}
	if _, err = hex.Decode(s.fingerprint[:], []byte(parts[1])); err != nil {
		return s, errDurableKey
	}
	return s, nil
}

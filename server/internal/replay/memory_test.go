package replay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

var start = time.Date(2018, 1, 1, 12, 0, 0, 0, time.UTC)

const window = 15 * time.Minute

// world is the environment of a memory: a clock, and the disk behind the Durable hook.
type world struct {
	t    testing.TB
	now  time.Time
	disk map[string]time.Time
	max  int
	// marked is the mark on the disk, stored at markedAt by the clock.
	marked   replay.Mark
	markedAt time.Time
	*replay.Memory
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: start, disk: map[string]time.Time{}}
	w.restart(true)
	return w
}

// mark does what a service does every minute.
func (w *world) mark() { w.marked, w.markedAt = w.Mark(), w.now }

// stop ends the process, which has accepted its last request.
func (w *world) stop() {
	w.mark()
	w.marked.Exact = true
}

// restart starts a new process with the same disk.
func (w *world) restart(fresh bool) {
	w.Memory = replay.New(replay.Options{
		Max: w.max, Fresh: fresh, Clock: func() time.Time { return w.now }, Mark: w.marked,
		Durable: func(_ context.Context, key string, expires time.Time) error { w.disk[key] = expires; return nil },
		Drop: func(_ context.Context, prefix string, isDropped func(key string) bool) error {
			deleteIf(w.disk, prefix, isDropped)
			return nil
		},
	})
	for _, key := range slices.Sorted(maps.Keys(w.disk)) {
		require.NoError(w.t, w.Load(key))
	}
	w.mark()
}

func deleteIf(disk map[string]time.Time, prefix string, isDropped func(key string) bool) {
	maps.DeleteFunc(disk, func(key string, _ time.Time) bool { return strings.HasPrefix(key, prefix) && isDropped(key) })
}

func (w *world) remember(id, nonce string, at time.Time) error {
	return accept(w.Memory, id, nonce, at)
}

// accept handles a request as a gate does.
func accept(m *replay.Memory, id, nonce string, at time.Time) error {
	n, err := m.Remember(id, nonce, at)
	if err != nil {
		return err
	}
	return m.Keep(context.Background(), n)
}

func TestANonceIsAcceptedOnce(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.remember("key", "nonce", start))
	require.ErrorIs(t, w.remember("key", "nonce", start), replay.ErrUsed)
	require.ErrorIs(t, w.remember("key", "nonce", start.Add(-5*time.Minute)), replay.ErrUsed, "whatever its timestamp")
	require.NoError(t, w.remember("key", "another", start))
	require.NoError(t, w.remember("key", "", start), "an empty nonce is a nonce")
	require.ErrorIs(t, w.remember("key", "", start), replay.ErrUsed)
}

func TestAccessKeysDoNotShareNonces(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.remember("a", "bc", start))
	require.NoError(t, w.remember("ab", "c", start))
	require.NoError(t, w.remember("b", "bc", start))
	require.NoError(t, w.remember("", "abc", start))
}

func TestANonceIsRememberedWhileItsTimestampIsValid(t *testing.T) {
	for name, ahead := range map[string]time.Duration{
		"on time": 0, "at the early edge": -window, "at the late edge": window,
		"14 minutes behind": -14 * time.Minute, "14 minutes ahead": 14 * time.Minute,
		"in the middle of a minute": 31 * time.Second, "in the last second of a minute": 59 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			at := start.Add(ahead)
			require.NoError(t, w.remember("key", "nonce", at))
			for w.now = start; !w.now.After(at.Add(window)); w.now = w.now.Add(time.Second) {
				require.ErrorIs(t, w.remember("key", "nonce", at), replay.ErrUsed, w.now)
			}
			w.now = at.Add(window + time.Minute)
			require.ErrorIs(t, w.remember("key", "nonce", at), replay.ErrTooOld, "it is forgotten, and still refused")
			require.NoError(t, w.remember("key", "nonce", w.now), "the nonce itself may be used again")
		})
	}
}

func TestAClockThatJumpsBackLetsNoReplayIn(t *testing.T) {
	w := newWorld(t)
	for minute := range 10 {
		require.NoError(t, w.remember("key", fmt.Sprint(minute), start.Add(time.Duration(minute)*time.Minute)))
	}
	w.now = start.Add(time.Hour)
	require.NoError(t, w.remember("other", "x", w.now), "which makes the memory forget the first nonces")
	w.now = start
	for minute := range 10 {
		at := start.Add(time.Duration(minute) * time.Minute)
		require.ErrorIs(t, w.remember("key", fmt.Sprint(minute), at), replay.ErrTooOld)
	}
	require.NoError(t, w.remember("key", "new", start.Add(10*time.Minute)), "a minute that was never dropped is accepted")
	require.ErrorIs(t, w.remember("other", "x", start.Add(time.Hour)), replay.ErrUsed)
}

func TestAfterARestart(t *testing.T) {
	for name, test := range map[string]struct {
		died, started time.Duration
	}{
		"at once":            {0, 0},
		"within a second":    {300 * time.Millisecond, 700 * time.Millisecond},
		"in the next second": {300 * time.Millisecond, 1100 * time.Millisecond},
		"on a whole second":  {300 * time.Millisecond, time.Second},
		"after the window":   {0, time.Hour},
		"ten minutes later":  {0, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			accepted := map[string]time.Time{}
			for i := -60; i <= 60; i++ {
				nonce, at := fmt.Sprint(i), start.Add(time.Duration(i)*15*time.Second)
				if w.remember("key", nonce, at) == nil {
					accepted[nonce] = at
				}
			}
			w.now = start.Add(test.died)
			require.NoError(t, w.remember("key", "last", w.now.Truncate(time.Second)))
			accepted["last"] = w.now.Truncate(time.Second)
			require.Len(t, accepted, 122)

			w.now = start.Add(test.started)
			w.restart(false)
			for ; w.now.Before(start.Add(2 * time.Hour)); w.now = w.now.Add(29 * time.Second) {
				for nonce, at := range accepted {
					if w.now.Sub(at).Abs() <= window {
						require.Error(t, w.remember("key", nonce, at), "%s of %s, sent again at %s", nonce, at, w.now)
					}
				}
			}
		})
	}
}

// TestTheSecondOfTheStart covers timestamps that are truncated to seconds, and so are earlier than the time at which
// they are taken.
func TestTheSecondOfTheStart(t *testing.T) {
	second := start.Add(time.Minute)
	for name, test := range map[string]struct {
		started   time.Time
		fresh     bool
		wantFloor time.Time
		accepted  []time.Duration
		refused   []time.Duration
	}{
		"a start within a second": {
			second.Add(700 * time.Millisecond), false, second.Add(time.Second),
			[]time.Duration{time.Second, 2 * time.Second, window},
			[]time.Duration{0, -time.Second, -window},
		},
		"a start on a whole second": {
			second, false, second,
			[]time.Duration{0, time.Second, window},
			[]time.Duration{-time.Second, -window},
		},
		"the first start ever": {
			second.Add(700 * time.Millisecond), true,
			time.Time{},
			[]time.Duration{0, -time.Second, -window, window},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.now = test.started
			w.restart(test.fresh)
			require.True(t, test.wantFloor.Equal(w.Floor()), w.Floor())
			for i, offset := range test.accepted {
				require.NoError(t, w.remember("key", fmt.Sprint("a", i), second.Add(offset)), offset)
			}
			for i, offset := range test.refused {
				require.ErrorIs(t, w.remember("key", fmt.Sprint("r", i), second.Add(offset)), replay.ErrTooOld, offset)
			}
		})
	}
}

func TestOnlyNoncesThatARestartWouldForgetAreStored(t *testing.T) {
	w := newWorld(t)
	w.now = start.Add(500 * time.Millisecond)
	for _, behind := range []time.Duration{0, time.Second, 10 * time.Minute} {
		require.NoError(t, w.remember("key", behind.String(), start.Add(-behind)))
	}
	require.Empty(t, w.disk)

	require.NoError(t, w.remember("a/b", "ahead", start.Add(time.Second)))
	require.NoError(t, w.remember("a/b", "far ahead", start.Add(14*time.Minute)))
	w.now = start.Add(2 * time.Second)
	require.NoError(t, w.remember("key", "now", w.now))
	require.ErrorIs(t, w.remember("key", "now", w.now), replay.ErrUsed)
	keys := slices.Sorted(maps.Keys(w.disk))
	require.Len(t, keys, 3)
	for i, at := range []time.Time{start.Add(time.Second), start.Add(2 * time.Second), start.Add(14 * time.Minute)} {
		require.Equal(t, at.Add(window), w.disk[keys[i]])
		require.True(t, strings.HasPrefix(keys[i], at.Format("2006-01-02T15:04:05.")), "keys are in chronological order")
		require.NotContains(t, keys[i], "ahead", "the nonce itself may be a signature, and is not stored")
	}

	w.restart(false)
	require.ErrorIs(t, w.remember("a/b", "far ahead", start.Add(14*time.Minute)), replay.ErrUsed)
	require.ErrorIs(t, w.remember("key", "now", w.now), replay.ErrUsed)
	require.NoError(t, w.remember("a", "far ahead", start.Add(14*time.Minute)))
}

func TestANonceThatCanNotBeStoredIsNotAccepted(t *testing.T) {
	cause := errors.New("disk full")
	m := replay.New(replay.Options{
		Clock:   func() time.Time { return start },
		Durable: func(context.Context, string, time.Time) error { return cause },
	})
	remember := func() error { return accept(m, "key", "nonce", start.Add(replay.MaxHold+time.Second)) }
	require.ErrorIs(t, remember(), cause)
	require.ErrorIs(t, remember(), replay.ErrUsed, "it may be on disk")
}

func TestLoadRefusesForeignKeys(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.remember("key", "nonce", start.Add(time.Minute)))
	good := slices.Collect(maps.Keys(w.disk))[0]
	require.NoError(t, w.Load(good), "to load it twice does no harm")
	for _, bad := range []string{
		"", "x", "//", good[1:],
		strings.Replace(good, "/", "", 1), strings.Replace(good, "/", "/0", 1), strings.Replace(good, "/", "/g", 1)[:63],
	} {
		require.Error(t, w.Load(bad), bad)
	}
}

func TestAFullMemoryShortensOnlyTheWindowOfTheFlooder(t *testing.T) {
	w := newWorld(t)
	w.max = 1000
	w.restart(true)
	flooder, honest := "flooder", "honest"
	var honestNonces []time.Time
	for i := range 20_000 {
		// Ten requests a second for half an hour, and one honest request a minute.
		w.now = start.Add(time.Duration(i) * 100 * time.Millisecond)
		at := w.now.Truncate(time.Second)
		require.NoError(t, w.remember(flooder, fmt.Sprint(i), at), "it continues with current timestamps")
		require.ErrorIs(t, w.remember(flooder, fmt.Sprint(i), at), replay.ErrUsed)
		if i%600 == 0 {
			require.NoError(t, w.remember(honest, at.String(), at))
			honestNonces = append(honestNonces, at)
		}
	}
	for _, at := range honestNonces {
		if w.now.Sub(at) <= window {
			require.ErrorIs(t, w.remember(honest, at.String(), at), replay.ErrUsed)
			require.NoError(t, w.remember(honest, "late "+at.String(), at), "the honest key keeps its whole window")
		}
	}
	for i := range 20_000 {
		at := start.Add(time.Duration(i) * 100 * time.Millisecond).Truncate(time.Second)
		require.Error(t, w.remember(flooder, fmt.Sprint(i), at), "no nonce of the flooder is accepted twice")
	}
	require.ErrorIs(t, w.remember(flooder, "new", w.now.Add(-10*time.Minute)), replay.ErrTooOld)
}

func TestFloodingAheadOfTheClockHarmsOnlyTheFlooder(t *testing.T) {
	w := newWorld(t)
	w.max = 100
	w.restart(true)
	for i := range 101 {
		err := w.remember("flooder", fmt.Sprint(i), start.Add(14*time.Minute))
		if i < 100 {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, replay.ErrTooOld)
		}
	}
	for range 14 {
		require.ErrorIs(t, w.remember("flooder", "0", start.Add(14*time.Minute)), replay.ErrTooOld)
		require.ErrorIs(t, w.remember("flooder", "now", w.now), replay.ErrTooOld)
		require.NoError(t, w.remember("honest", w.now.String(), w.now))
		w.now = w.now.Add(time.Minute)
	}
	w.now = w.now.Add(time.Minute)
	require.NoError(t, w.remember("flooder", "now", w.now))
}

func TestOneOfManyEqualRequestsWins(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"on time": -time.Second, "made durable": time.Minute} {
		t.Run(name, func(t *testing.T) {
			var writes atomic.Int32
			m := replay.New(replay.Options{
				Fresh: true, Clock: func() time.Time { return start },
				Durable: func(context.Context, string, time.Time) error { writes.Add(1); return nil },
			})
			for round := range 50 {
				var wins atomic.Int32
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() {
						switch err := accept(m, "key", fmt.Sprint(round), start.Add(ahead)); {
						case err == nil:
							wins.Add(1)
						case !errors.Is(err, replay.ErrUsed):
							t.Error(err)
						}
					})
				}
				wg.Wait()
				require.EqualValues(t, 1, wins.Load())
			}
			if ahead > 0 {
				require.EqualValues(t, 50, writes.Load())
			} else {
				require.Zero(t, writes.Load())
			}
		})
	}
}

// The earlier of a nonce's two timestamps is dropped first; the later one must not be dropped with it.
func TestANonceThatWasStoredTwiceIsRememberedUnderBothTimestamps(t *testing.T) {
	w := newWorld(t)
	w.max = 1
	w.restart(true)
	require.NoError(t, w.remember("a", "nonce", start.Add(3*time.Minute)))
	require.NoError(t, w.remember("b", "other", start), "it takes the place of the first")
	later := start.Add(7 * time.Minute)
	require.NoError(t, w.remember("a", "nonce", later))

	w.now, w.max = start.Add(time.Minute), 2
	w.restart(false)
	require.Error(t, w.remember("a", "nonce", later))
	for i := range 10 { // Their nonces replace the older shard.
		require.Error(t, w.remember("a", "nonce", later), "after %d others", i)
		_ = w.remember("b", fmt.Sprint(i), start.Add(2*time.Minute))
		_ = w.remember("a", fmt.Sprint(i), start.Add(time.Duration(5+i)*time.Minute))
	}
}

func BenchmarkRemember(b *testing.B) {
	now := start
	m := replay.New(replay.Options{Fresh: true, Clock: func() time.Time { return now }})
	nonces := make([]string, 1000)
	for i := range nonces {
		nonces[i] = fmt.Sprintf("%036d", i)
	}
	i := 0
	for b.Loop() {
		// A thousand a second, as the quota of Alibaba Cloud allows, so that the memory holds 15 minutes of them.
		if i++; i%1000 == 0 {
			now = now.Add(time.Second)
		}
		nonce := nonces[i%1000] + fmt.Sprint(i/1000)
		if err := accept(m, "key", nonce, now.Add(-time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

package replay_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

func TestANonceIsStoredOnlyByKeep(t *testing.T) {
	w := newWorld(t)
	n, err := w.Remember("key", "nonce", start.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, n.Ahead())
	require.Empty(t, w.disk, "the request may still be refused")
	require.NoError(t, w.Keep(t.Context(), n))
	require.Len(t, w.disk, 1)
	n, err = w.Remember("key", "past", start.Add(-time.Second))
	require.NoError(t, err)
	require.False(t, n.Ahead())
}

func TestWhatIsStoredIsBoundedByTheMemory(t *testing.T) {
	w := newWorld(t)
	w.max = 1000
	w.restart(true)
	require.NoError(t, w.remember("honest", "kept", start.Add(2*time.Second)))
	accepted := map[string]time.Time{}
	for i := range 20_000 {
		// 25 nonces a second, each as far ahead as possible, and a sweep every minute.
		w.now = start.Add(time.Duration(i) * 40 * time.Millisecond)
		at := w.now.Add(window).Truncate(time.Second)
		if w.remember("flooder", fmt.Sprint(i), at) == nil {
			accepted[fmt.Sprint(i)] = at
		}
		if i%1500 == 0 {
			require.NoError(t, w.DropGivenUp(t.Context()))
			require.LessOrEqual(t, len(w.disk), w.max+1500+20, "the memory's bound, a minute's nonces, and floors")
		}
	}
	require.Greater(t, len(accepted), 10_000)
	require.NoError(t, w.DropGivenUp(t.Context()))
	require.LessOrEqual(t, len(w.disk), w.max+20)

	w.restart(false)
	for nonce, at := range accepted {
		if w.now.Sub(at).Abs() <= window {
			require.Error(t, w.remember("flooder", nonce, at), "what was dropped is refused by its floor")
		}
	}
	require.ErrorIs(t, w.remember("honest", "kept", start.Add(2*time.Second)), replay.ErrTooOld)
	require.NoError(t, w.remember("honest", "new", w.now), "which is the flooder's alone")
}

func TestAShardThatCanNotBeDroppedIsTriedAgain(t *testing.T) {
	cause := errors.New("disk full")
	var fail error
	disk := map[string]time.Time{}
	m := replay.New(replay.Options{
		Max: 1, Fresh: true, Clock: func() time.Time { return start },
		Durable: func(_ context.Context, key string, expires time.Time) error { disk[key] = expires; return nil },
		Drop: func(_ context.Context, prefix string, isDropped func(string) bool) error {
			if fail == nil {
				deleteIf(disk, prefix, isDropped)
			}
			return fail
		},
	})
	require.NoError(t, accept(m, "a", "1", start.Add(time.Minute)))
	require.NoError(t, accept(m, "b", "2", start.Add(time.Minute)))
	fail = cause
	require.ErrorIs(t, m.DropGivenUp(t.Context()), cause)
	require.Len(t, disk, 3, "both nonces and the floor")
	fail = nil
	require.NoError(t, m.DropGivenUp(t.Context()))
	require.Len(t, disk, 2, "b's nonce and a's floor")
	require.NoError(t, m.DropGivenUp(t.Context()))
}

func TestANonceALittleAheadOutlastsAStoreThatTakesNoWrites(t *testing.T) {
	cause := errors.New("disk full")
	for _, tc := range []struct {
		name  string
		ahead time.Duration
		want  error
	}{
		{"in the same second", 0, nil},
		{"two seconds ahead", 2 * time.Second, nil},
		{"as far ahead as is waited for", replay.MaxHold, nil},
		{"further ahead", replay.MaxHold + time.Second, cause},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fails := func(context.Context, string, time.Time) error { return cause }
				m := replay.New(replay.Options{Durable: fails})
				at := time.Now().Add(tc.ahead)
				require.ErrorIs(t, accept(m, "key", "nonce", at), tc.want)
				require.Equal(t, tc.want == nil, time.Now().After(at), "a held request is in the past when it goes on")
				require.ErrorIs(t, accept(m, "key", "nonce", at), replay.ErrUsed)
				m = replay.New(replay.Options{Durable: fails})
				if tc.want == nil {
					require.ErrorIs(t, accept(m, "key", "nonce", at), replay.ErrTooOld, "nor is it accepted after a restart")
				}
			})
		})
	}
	t.Run("unless its caller leaves", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			m := replay.New(replay.Options{Durable: func(context.Context, string, time.Time) error { return cause }})
			n, err := m.Remember("key", "nonce", time.Now().Add(2*time.Second))
			require.NoError(t, err)
			ctx, leave := context.WithTimeout(t.Context(), time.Second)
			defer leave()
			require.ErrorIs(t, m.Keep(ctx, n), cause)
		})
	})
}

func TestNothingIsAcceptedAfterTheLastMark(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC)
	m := replay.New(replay.Options{Fresh: true, Clock: func() time.Time { return now }})
	_, err := m.Remember("key", "first", now.Truncate(time.Second))
	require.NoError(t, err)
	require.Equal(t, replay.Mark{At: now, Exact: true}, m.LastMark())
	now = now.Add(time.Second)
	_, err = m.Remember("key", "late", now.Truncate(time.Second))
	require.ErrorIs(t, err, replay.ErrTooOld, "the next process would accept it again")
	require.Equal(t, now.Add(-time.Second), m.LastMark().At)
}

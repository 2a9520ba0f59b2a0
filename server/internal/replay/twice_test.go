package replay_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestNothingIsEverAcceptedTwice takes a memory through passing time, stops, crashes, floods, and clocks that are set
// back during a process or between two. It leaves out only the crashes that the package comment excludes.
func TestNothingIsEverAcceptedTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{t: t, now: start, disk: map[string]time.Time{}, max: rapid.IntRange(1, 20).Draw(rt, "max")}
		w.restart(true)
		type request struct {
			id, nonce string
			at        time.Time
		}
		accepted := map[request]bool{}
		latest := start // of all times that the clock has shown
		id, nonce := rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "6"})
		rt.Repeat(map[string]func(*rapid.T){
			"request": func(rt *rapid.T) {
				at := w.now.Truncate(time.Second).Add(time.Duration(rapid.IntRange(-900, 900).Draw(rt, "seconds")) * time.Second)
				r := request{id.Draw(rt, "id"), nonce.Draw(rt, "nonce"), at}
				if w.remember(r.id, r.nonce, r.at) == nil {
					require.False(rt, accepted[r], "accepted twice: %v", r)
					accepted[r] = true
				}
			},
			"a request that is refused after its nonce": func(rt *rapid.T) {
				_, _ = w.Remember(id.Draw(rt, "id"), nonce.Draw(rt, "nonce"), w.now.Truncate(time.Second).Add(10*time.Minute))
			},
			"the sweeper": func(rt *rapid.T) {
				require.NoError(rt, w.DropGivenUp(t.Context()))
				maps.DeleteFunc(w.disk, func(_ string, expires time.Time) bool { return w.now.After(expires) })
			},
			"replay": func(rt *rapid.T) {
				// Sorted, so that a failure can be reproduced.
				for _, r := range slices.SortedFunc(maps.Keys(accepted), func(a, b request) int {
					return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id), cmp.Compare(a.nonce, b.nonce))
				}) {
					if w.now.Sub(r.at).Abs() <= window {
						require.Error(rt, w.remember(r.id, r.nonce, r.at), "accepted twice: %v", r)
					}
				}
			},
			"time passes": func(rt *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 1_000_000).Draw(rt, "milliseconds")) * time.Millisecond)
				if w.now.After(latest) {
					latest = w.now
				}
				if w.now.Sub(w.markedAt) > time.Minute {
					w.mark()
				}
			},
			"the clock jumps back": func(rt *rapid.T) {
				w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 3_000_000).Draw(rt, "milliseconds")) * time.Millisecond)
				w.markedAt = w.now
			},
			"stop and start at any time": func(rt *rapid.T) {
				w.stop()
				w.now = latest.Add(time.Duration(rapid.IntRange(-1_000_000, 1_000_000).Draw(rt, "milliseconds")) * time.Millisecond)
				w.restart(false)
			},
			"crash, and start with a clock that goes on": func(*rapid.T) {
				w.now = latest
				w.restart(false)
			},
			"crash, and start with a clock that is before the last mark": func(rt *rapid.T) {
				w.now = w.marked.At.Add(-time.Duration(rapid.IntRange(1, 1_000_000).Draw(rt, "milliseconds")) * time.Millisecond)
				w.restart(false)
			},
		})
	})
}

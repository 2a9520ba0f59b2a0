package alicloudkms

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A fakeClock is a clock that moves when the engine waits.
type fakeClock struct{ time time.Time }

func (c *fakeClock) now() time.Time { return c.time }

func (c *fakeClock) wait(ctx context.Context, d time.Duration) error {
	c.time = c.time.Add(d)
	return ctx.Err()
}

// withClock gives the rig's engine a clock, and returns it.
func (r *rig) withClock() *fakeClock {
	clock := &fakeClock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	r.backend().process.now, r.backend().process.wait = clock.now, clock.wait
	return clock
}

// passBegins lets the time pass that a plugin waits before its first pass.
func (r *rig) passBegins(clock *fakeClock) {
	r.t.Helper()
	calls := r.kms.total()
	r.minutes(clock, 10)
	require.Equal(r.t, calls, r.kms.total(), "an operator may go back after an upgrade")
}

// minutes lets Vault call the engine every minute.
func (r *rig) minutes(clock *fakeClock, n int) {
	r.t.Helper()
	for range n {
		began := clock.time
		_, err := r.try(logical.RollbackOperation, "", nil)
		require.NoError(r.t, err)
		require.Less(r.t, clock.time.Sub(began), time.Minute)
		clock.time = began.Add(time.Minute)
	}
}

func TestPassFindsTheVersionsThatKMSHasMade(t *testing.T) {
	r := newKeyRig(t, "a", "b", "c")
	clock := r.withClock()
	r.passBegins(clock)
	r.minutes(clock, 60)
	stored := r.storedKey("a")
	r.direct().rotate(r.keyID("b"))
	r.oldKey("c")
	r.direct().rotate(r.keyID("c"))
	r.minutes(clock, 60)
	require.Equal(t, stored, r.storedKey("a"))
	require.Equal(t, 2, version(t, r.encrypt("b", hello)))
	require.Equal(t, 2, version(t, r.encrypt("c", hello)), "an earlier entry has its versions")
	require.Equal(t, formatVersions, r.entry("c").format)
	require.Equal(t, "hr", r.entry("c").BoundContext["team"])
}

func TestPassIsSpreadOverTheHour(t *testing.T) {
	for _, keys := range []int{1, 7, 60, 200} {
		t.Run(fmt.Sprint(keys), func(t *testing.T) {
			r := newKeyRig(t, "a")
			for i := 1; i < keys; i++ {
				r.share(fmt.Sprintf("b%d", i), "a")
			}
			clock := r.withClock()
			r.passBegins(clock)
			var calls []time.Time
			r.kms.before = func(_ context.Context, q kmsapi.Request) error {
				require.Equal(t, kmsapi.OpListKeyVersions, q.Operation())
				calls = append(calls, clock.time)
				return nil
			}
			for n := 1; n <= 120; n++ {
				before := len(calls)
				r.minutes(clock, 1)
				require.LessOrEqual(t, len(calls)-before, (keys+59)/60, "in a minute")
			}
			require.Len(t, calls, 2*keys, "each key once an hour")
			for i := range calls[1:] {
				require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), time.Second)
			}
		})
	}
}

func TestPassOverMoreKeysThanAnHourHasSecondsTakesLonger(t *testing.T) {
	r := newKeyRig(t, "a")
	entry := r.entry("a")
	for i := range 4000 {
		require.NoError(t, r.backend().storeKey(t.Context(), r.storage, fmt.Sprintf("b%d", i), entry))
	}
	clock := r.withClock()
	r.passBegins(clock)
	calls := 0
	r.kms.instead = func(kmsapi.Request) (kmsapi.Response, error) {
		calls++
		return &kmsapi.ListKeyVersionsResponse{}, nil
	}
	r.minutes(clock, 60)
	require.InDelta(t, 60*50, calls, 120)
	r.minutes(clock, 20)
	require.InDelta(t, 80*50, calls, 120)
}

func TestPassStopsWhereKMSDoesNotAnswer(t *testing.T) {
	for name, failure := range map[string]error{
		"it throttles":         answered(kmsapi.ErrThrottling),
		"it can't be reached":  lost(kmsapi.OpListKeyVersions),
		"it fails":             answered(kmsapi.ErrInternalFailure),
		"the key is not known": answered(kmsapi.ErrAccessKeyNotFound),
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a", "b", "c")
			clock := r.withClock()
			r.passBegins(clock)
			before := r.kms.count(kmsapi.OpListKeyVersions)
			r.fails(kmsapi.OpListKeyVersions, failure)
			r.minutes(clock, 5)
			require.LessOrEqual(t, r.kms.count(kmsapi.OpListKeyVersions)-before, 5, "once a run")
			r.kms.before = nil
			r.direct().rotate(r.keyID("c"))
			r.minutes(clock, 60)
			require.Equal(t, 2, r.entry("c").versions.Newest())
		})
	}
}

func TestKeyThatCannotBeVisitedDoesNotStopThePass(t *testing.T) {
	r := newKeyRig(t, "a", "b", "c", "d")
	clock := r.withClock()
	r.passBegins(clock)
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if list, ok := q.(*kmsapi.ListKeyVersionsRequest); ok && list.KeyId == r.keyID("b") {
			return answered(kmsapi.ErrKeyNotFound)
		}
		return nil
	}
	damaged := `{"format":9}`
	r.direct().rotate(r.keyID("c"))
	r.putKey("a", damaged)
	r.minutes(clock, 180)
	require.Equal(t, 2, r.entry("c").versions.Newest())
	require.Equal(t, damaged, r.storedKey("a"))
	require.Equal(t, 1, strings.Count(r.log.String(), "later version"), "it is logged once")
}

func TestPassLeavesAnEntryThatChangesMeanwhile(t *testing.T) {
	r := newKeyRig(t, "a")
	clock := r.withClock()
	r.passBegins(clock)
	r.direct().rotate(r.keyID("a"))
	once := true
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpListKeyVersions && once {
			once = false
			r.write("keys/a/config", body{"bound_context": "team=hr"})
		}
		return nil
	}
	r.minutes(clock, 1)
	require.Equal(t, 1, r.entry("a").versions.Newest())
	require.Equal(t, map[string]string{"team": "hr"}, r.entry("a").BoundContext)
	r.minutes(clock, 60)
	require.Equal(t, 2, r.entry("a").versions.Newest())
}

func TestPassRunsOnlyWhereStorageMayBeWritten(t *testing.T) {
	for name, state := range otherNodes {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			clock := r.withClock()
			calls := r.kms.total()
			r.storage.reset("", 0)
			r.minutes(clock, 20)
			if state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
				require.Equal(t, calls, r.kms.total())
				require.Zero(t, r.storage.calls["get"], "Vault itself lists the write-ahead log")
			}
			require.Zero(t, r.storage.calls["put"])
		})
	}
	r := newRig(t)
	r.minutes(r.withClock(), 20)
	require.Zero(t, r.kms.total(), "it is not configured")
}

func TestPassDoesNotHoldASlotWhileItWaits(t *testing.T) {
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"max_parallel": 1}))
	r.write("keys/a", nil)
	r.write("keys/b", nil)
	clock := r.withClock()
	r.backend().process.wait = func(ctx context.Context, d time.Duration) error {
		r.encrypt("a", hello) // It would wait forever if the pass held the key or a slot.
		return clock.wait(ctx, d)
	}
	r.minutes(clock, 70)
	require.Equal(t, 2, r.kms.count(kmsapi.OpListKeyVersions))
}

func TestWhatHindersAVisitEveryHourIsLoggedOnce(t *testing.T) {
	r := newKeyRig(t, "a")
	clock := r.withClock()
	r.passBegins(clock)
	asked := 0
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() != kmsapi.OpListKeyVersions {
			return nil
		}
		asked++
		gone := *kmsapi.ErrKeyNotFound
		gone.RequestID = fmt.Sprint("request-", asked)
		return &gone
	}
	r.minutes(clock, 200)
	require.GreaterOrEqual(t, asked, 3)
	require.Equal(t, 1, strings.Count(r.log.String(), "need attention"))
}

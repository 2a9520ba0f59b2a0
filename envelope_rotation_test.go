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

// newPassRig makes an engine with keys in envelope mode that are rotated once a day, whose first pass may begin.
func newPassRig(t *testing.T, names ...string) (*rig, *fakeClock) {
	t.Helper()
	r := newKeyRig(t)
	clock := r.withClock()
	for _, name := range names {
		r.write("keys/"+name, body{"encryption": "envelope", "auto_rotate_period": "24h"})
	}
	r.passBegins(clock)
	return r, clock
}

// hours lets Vault call the engine for hours.
func (r *rig) hours(clock *fakeClock, n int) {
	r.t.Helper()
	r.minutes(clock, 60*n)
}

// newest returns the newest version of a key.
func (r *rig) newest(name string) int {
	r.t.Helper()
	return r.entry(name).versions.Newest()
}

func TestPassGivesAKeyANewDataKeyOncePerPeriod(t *testing.T) {
	r, clock := newPassRig(t, "daily")
	r.write("keys/never", body{"encryption": "envelope", "auto_rotate_period": 0})
	r.write("keys/monthly", body{"encryption": "envelope"})
	r.write("keys/direct", nil)
	r.direct().rotate(r.keyID("direct"))
	first := r.encrypt("daily", hello)
	for _, c := range []struct{ hours, daily int }{{22, 1}, {3, 2}, {22, 2}, {3, 3}} {
		r.hours(clock, c.hours)
		require.Equal(t, c.daily, r.newest("daily"))
	}
	require.Equal(t, 1, r.newest("never"))
	require.Equal(t, 1, r.newest("monthly"))
	require.Equal(t, 2, r.newest("direct"), "it has the version that KMS has made, and no data key")
	require.Equal(t, 3, version(t, r.encrypt("daily", hello)))
	r.opens("daily", first)

	made := r.kms.count(kmsapi.OpGenerateDataKey)
	clock.time = clock.time.Add(30 * 24 * time.Hour)
	r.hours(clock, 2)
	require.Equal(t, 2, r.newest("monthly"), "30 days are the default")
	require.Equal(t, 4, r.newest("daily"), "what was missed is not made up for")
	require.Equal(t, 1, r.newest("never"))
	require.Equal(t, made+2, r.kms.count(kmsapi.OpGenerateDataKey))
	require.Contains(t, r.log.String(), newDataKeyNews)
}

func TestDataKeyWhoseDateIsOddIsNotRotatedEveryHour(t *testing.T) {
	for name, c := range map[string]struct {
		made  string
		after int
		says  string
	}{
		"its date can't be read":      {"yesterday", 2, newDataKeyNews},
		"it has none":                 {"", 2, newDataKeyNews},
		"it was made in the future":   {"2099-01-01T00:00:00Z", 1, "in the future"},
		"this node's clock is slower": {"2026-01-01T00:30:00Z", 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, clock := newPassRig(t, "a")
			r.changeEntry("a", func(e *keyEntry) { e.versions.NewestRow().Created = c.made })
			r.hours(clock, 10)
			require.Equal(t, c.after, r.newest("a"))
			if c.says != "" {
				require.Equal(t, 1, strings.Count(r.log.String(), c.says))
			} else {
				require.NotContains(t, r.log.String(), "need attention")
			}
			r.write("keys/a/rotate", nil)
			r.hours(clock, 20)
			require.Equal(t, c.after+1, r.newest("a"))
		})
	}
}

func TestPassRotatesNoKeyThatChangesMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig)
		newest int
	}{
		"it is no longer to be rotated": {func(r *rig) { r.write("keys/a/config", body{"auto_rotate_period": 0}) }, 1},
		"it is rotated by hand":         {func(r *rig) { r.write("keys/a/rotate", nil) }, 2},
		"it goes back to direct mode":   {func(r *rig) { r.write("keys/a/config", body{"encryption": "direct"}) }, 2},
		"it is deregistered":            {func(r *rig) { r.write("keys/a/deregister", nil) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, clock := newPassRig(t, "a")
			clock.time = clock.time.Add(24 * time.Hour)
			begun := false
			r.kms.after = func(_ context.Context, q kmsapi.Request) error {
				if q.Operation() == kmsapi.OpGenerateDataKey && !begun {
					begun = true
					c.change(r)
				}
				return nil
			}
			r.hours(clock, 2)
			require.True(t, begun)
			if c.newest == 0 {
				require.Empty(t, r.storedOrNone("a"))
				return
			}
			require.Equal(t, c.newest, r.newest("a"))
			require.NotContains(t, r.log.String(), "need attention")
			require.Equal(t, hello, r.decrypt("a", r.encrypt("a", hello)))
		})
	}
}

func TestPassLeavesAKeyThatAnotherRequestIsChanging(t *testing.T) {
	r, clock := newPassRig(t, "a")
	clock.time = clock.time.Add(24 * time.Hour)
	release, err := r.backend().reserveKey("a")
	require.NoError(t, err)
	r.hours(clock, 1)
	require.Equal(t, 1, r.newest("a"))
	release()
	r.hours(clock, 1)
	require.Equal(t, 2, r.newest("a"))
}

func TestKeysAreRotatedASecondApart(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	r, clock := newPassRig(t, names...)
	clock.time = clock.time.Add(24 * time.Hour)
	var calls []time.Time
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		calls = append(calls, clock.time)
		return nil
	}
	r.hours(clock, 1)
	require.Len(t, calls, 2*len(names), "each is made, and tried")
	for i := range calls[1:] {
		require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), pace)
	}
	for _, name := range names {
		require.Equal(t, 2, r.newest(name))
	}
}

func TestKeyOfAKMSInstanceIsRotatedOverItsGateway(t *testing.T) {
	r, _ := newInstanceRig(t)
	clock := r.withClock()
	r.write("keys/a", body{"encryption": "envelope", "auto_rotate_period": "24h"})
	r.passBegins(clock)
	clock.time = clock.time.Add(24 * time.Hour)
	clear(r.kms.at)
	began := clock.time
	r.minutes(clock, 1)
	require.Equal(t, 2, r.newest("a"))
	require.Equal(t, map[kmsapi.Operation]string{
		kmsapi.OpGenerateDataKey: dedicatedHost, kmsapi.OpDecrypt: dedicatedHost,
	}, r.kms.at)
	require.Equal(t, time.Minute, clock.time.Sub(began))
}

func TestFullKeyIsNotRotatedAndWarnedOfOnce(t *testing.T) {
	r, clock := newPassRig(t, "a")
	fill := func(n int) {
		r.changeEntry("a", func(e *keyEntry) {
			for len(e.versions.Rows) < n {
				e.versions = e.versions.AddDataKey(*e.versions.NewestRow())
			}
		})
	}
	fill(maxRows*9/10 - 2)
	clock.time = clock.time.Add(24 * time.Hour)
	r.hours(clock, 20)
	require.Equal(t, maxRows*9/10-1, r.newest("a"))
	require.NotContains(t, r.log.String(), "need attention")
	r.hours(clock, 100)
	require.Equal(t, maxRows*9/10+3, r.newest("a"))
	require.Equal(t, 1, strings.Count(r.log.String(), "nearly as many versions"))
	fill(maxRows)
	made := r.kms.count(kmsapi.OpGenerateDataKey)
	r.hours(clock, 100)
	require.Equal(t, maxRows, r.newest("a"))
	require.Equal(t, made, r.kms.count(kmsapi.OpGenerateDataKey))
	require.Equal(t, 2, strings.Count(r.log.String(), "need attention"))

	r.write("keys/a/config", body{"min_decryption_version": maxRows, "min_encryption_version": maxRows})
	r.write("keys/a/trim", body{"min_available_version": maxRows})
	r.hours(clock, 1)
	require.Equal(t, maxRows+1, r.newest("a"))
}

func TestRotationThatKMSRefusesDoesNotStopThePass(t *testing.T) {
	other := "1234abcd-12ab-34cd-56ef-1234567890ab"
	for name, instead := range map[string]func(kmsapi.Request) (kmsapi.Response, error){
		"its KMS key is disabled": func(kmsapi.Request) (kmsapi.Response, error) {
			return nil, answered(kmsapi.ErrRejectedDisabled)
		},
		"RAM denies it": func(kmsapi.Request) (kmsapi.Response, error) { return nil, answered(kmsapi.ErrNoPermission) },
		"KMS answers for another key": func(kmsapi.Request) (kmsapi.Response, error) {
			return &kmsapi.GenerateDataKeyResponse{KeyId: other}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, clock := newPassRig(t, "a", "b", "c")
			hindered := r.keyID("b")
			asked := 0
			r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
				if made, ok := q.(*kmsapi.GenerateDataKeyRequest); ok && made.KeyId == hindered {
					asked++
					return instead(q)
				}
				return nil, nil
			}
			clock.time = clock.time.Add(24 * time.Hour)
			r.hours(clock, 5)
			require.Equal(t, []int{2, 1, 2}, []int{r.newest("a"), r.newest("b"), r.newest("c")})
			require.InDelta(t, 5, asked, 1, "once an hour")
			require.Equal(t, 1, strings.Count(r.log.String(), "need attention"))
			r.kms.instead = nil
			r.hours(clock, 1)
			require.Equal(t, 2, r.newest("b"))
		})
	}
}

func TestRotationWaitsUntilKMSAnswers(t *testing.T) {
	for name, failure := range map[string]error{
		"it throttles":        answered(kmsapi.ErrThrottling),
		"it can't be reached": lost(kmsapi.OpGenerateDataKey),
		"it fails":            answered(kmsapi.ErrInternalFailure),
	} {
		t.Run(name, func(t *testing.T) {
			r, clock := newPassRig(t, "a", "b", "c")
			before := r.kms.count(kmsapi.OpGenerateDataKey)
			clock.time = clock.time.Add(24 * time.Hour)
			r.fails(kmsapi.OpGenerateDataKey, failure)
			r.minutes(clock, 5)
			require.LessOrEqual(t, r.kms.count(kmsapi.OpGenerateDataKey)-before, 5, "once a run")
			r.kms.before = nil
			r.hours(clock, 1)
			require.Equal(t, []int{2, 2, 2}, []int{r.newest("a"), r.newest("b"), r.newest("c")})
			require.NotContains(t, r.log.String(), "need attention")
		})
	}
}

func TestRotationThatIsNotStoredChangesNothing(t *testing.T) {
	r, clock := newPassRig(t, "a")
	clock.time = clock.time.Add(24 * time.Hour)
	r.storage.reset("put", -1)
	r.hours(clock, 3)
	require.Equal(t, 1, r.newest("a"))
	require.Equal(t, 1, strings.Count(r.log.String(), "need attention"))
	require.Equal(t, 1, version(t, r.encrypt("a", hello)))
	r.storage.reset("", 0)
	r.hours(clock, 1)
	require.Equal(t, 2, r.newest("a"))
	require.Equal(t, 2, version(t, r.encrypt("a", hello)), "the node that rotates encrypts with it at once")
}

func TestOnlyANodeThatMayWriteRotates(t *testing.T) {
	for name, state := range otherNodes {
		if !state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r, clock := newPassRig(t, "a")
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			r.backend().process.now, r.backend().process.wait = clock.now, clock.wait
			clock.time = clock.time.Add(48 * time.Hour)
			calls := r.kms.total()
			r.hours(clock, 2)
			require.Equal(t, calls, r.kms.total())
			require.Equal(t, 1, r.newest("a"))
		})
	}
}

func TestKeyThatManyNamesHaveIsRotatedForEachOfThem(t *testing.T) {
	r, clock := newPassRig(t, "a")
	for i := range 3 {
		name := fmt.Sprint("b", i)
		r.write("keys/"+name+"/register", body{"key_id": r.keyID("a")})
		r.write("keys/"+name+"/config", body{"encryption": "envelope", "auto_rotate_period": "24h"})
	}
	clock.time = clock.time.Add(24 * time.Hour)
	r.hours(clock, 1)
	require.Equal(t, 2, r.newest("a"))
	for i := range 3 {
		require.Equal(t, 3, r.newest(fmt.Sprint("b", i)), "its first version is KMS's")
	}
}

package keystate_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

var now = time.Date(2016, 9, 10, 14, 0, 0, 0, time.UTC)

// reference is the published table of chapter 2. Below the empty line are the rule of UpdateAlias, which is next to
// that table, operations of later versions of the reference, and DescribeRegions, which we have added.
const reference = `
API	Enabled	Disabled	PendingDeletion	PendingImport
CreateKey	Success	Success	Success	Success
GenerateDataKey	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
Encrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
Decrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
ListKeys	Success	Success	Success	Success
DescribeKey	Success	Success	Success	Success
EnableKey	Success	Success	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed
DisableKey	Success	Success	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed
ScheduleKeyDeletion	Success	Success	Rejected.StateModifiedFailed	Success
CancelKeyDeletion	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed	Success	Rejected.StateModifiedFailed
CreateAlias	Success	Success	Rejected.StateModifiedFailed	Success
DeleteAlias	Success	Success	Success	Success
ListAliases	Success	Success	Success	Success
GetParametersForImport	Success	Success	Success	Success
ImportKeyMaterial	Success	Success	Rejected.StateModifiedFailed	Success
DeleteKeyMaterial	Success	Success	Success	Success

UpdateAlias	Success	Success	Rejected.PendingDeletion	Success
ListAliasesByKeyId	Success	Success	Success	Success
TagResource	Success	Success	Rejected.PendingDeletion	Success
UntagResource	Success	Success	Rejected.PendingDeletion	Success
ListResourceTags	Success	Success	Success	Success
DescribeRegions	Success	Success	Success	Success
`

// after is the state that an operation leads to, from sections 4.4 to 4.7 of the reference.
var after = map[kmsapi.Operation]kmsapi.KeyState{
	kmsapi.OpEnableKey:           kmsapi.Enabled,
	kmsapi.OpDisableKey:          kmsapi.Disabled,
	kmsapi.OpScheduleKeyDeletion: kmsapi.PendingDeletion,
	kmsapi.OpCancelKeyDeletion:   kmsapi.Enabled,
}

// exclusive are the operations of the reference's table "Exclusive API for the External Key".
var exclusive = map[kmsapi.Operation]bool{
	kmsapi.OpGetParametersForImport: true,
	kmsapi.OpImportKeyMaterial:      true,
	kmsapi.OpDeleteKeyMaterial:      true,
}

// in returns the life of a CMK in the given state, with its dates far in the future.
func in(state kmsapi.KeyState) keystate.Lifecycle {
	l := keystate.Lifecycle{State: state, Origin: kmsapi.OriginKMS, HasMaterial: true}
	switch state {
	case kmsapi.PendingDeletion:
		l.DeleteDate = now.Add(time.Hour)
	case kmsapi.PendingImport:
		l.Origin, l.HasMaterial = kmsapi.OriginExternal, false
	}
	return l
}

// transitions are the operations that change a key. days matters only to ScheduleKeyDeletion.
var transitions = map[kmsapi.Operation]func(l keystate.Lifecycle, now time.Time, days int) (keystate.Lifecycle, error){
	kmsapi.OpEnableKey: func(l keystate.Lifecycle, now time.Time, _ int) (keystate.Lifecycle, error) {
		return l.Enable(now)
	},
	kmsapi.OpDisableKey: func(l keystate.Lifecycle, now time.Time, _ int) (keystate.Lifecycle, error) {
		return l.Disable(now)
	},
	kmsapi.OpScheduleKeyDeletion: keystate.Lifecycle.ScheduleDeletion,
	kmsapi.OpCancelKeyDeletion: func(l keystate.Lifecycle, now time.Time, _ int) (keystate.Lifecycle, error) {
		return l.CancelDeletion(now)
	},
	kmsapi.OpDeleteKeyMaterial: func(l keystate.Lifecycle, now time.Time, _ int) (keystate.Lifecycle, error) {
		return l.DeleteMaterial(now)
	},
}

// apply runs op on l: its transition, or Allow if it has none.
func apply(l keystate.Lifecycle, op kmsapi.Operation, now time.Time, days int) (keystate.Lifecycle, error) {
	if transition, ok := transitions[op]; ok {
		return transition(l, now, days)
	}
	return l.Allow(op, now)
}

func TestEveryCellOfTheReference(t *testing.T) {
	lines := strings.FieldsFunc(reference, func(r rune) bool { return r == '\n' })
	states := strings.Split(lines[0], "\t")[1:]
	require.Len(t, lines[1:], 22)
	require.Len(t, states, 4)
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		require.Len(t, cells, 5)
		op := kmsapi.Operation(cells[0])
		for i, want := range cells[1:] {
			state := kmsapi.KeyState(states[i])
			t.Run(string(op)+" when "+string(state)+" gives "+want, func(t *testing.T) {
				before := in(state)
				if exclusive[op] {
					before.Origin = kmsapi.OriginExternal
				}
				got, err := apply(before, op, now, 7)
				if want != "Success" {
					var refused *kmsapi.Error
					require.ErrorAs(t, err, &refused)
					require.Equal(t, kmsapi.Code(want), refused.Code)
					require.Equal(t, 409, refused.HTTPStatus)
					require.Equal(t, before, got)
					return
				}
				require.NoError(t, err)
				if changed, changes := after[op]; changes {
					require.Equal(t, changed, got.State)
				} else if op == kmsapi.OpDeleteKeyMaterial {
					require.False(t, got.HasMaterial)
				} else {
					require.Equal(t, before, got)
				}
			})
		}
	}
}

func TestANewKey(t *testing.T) {
	require.Equal(t, keystate.Lifecycle{State: kmsapi.Enabled, Origin: kmsapi.OriginKMS, HasMaterial: true},
		keystate.New(kmsapi.OriginKMS))
	require.Equal(t, keystate.Lifecycle{State: kmsapi.PendingImport, Origin: kmsapi.OriginExternal},
		keystate.New(kmsapi.OriginExternal))
}

func TestWhatHasNoPlaceInTheTableIsRefused(t *testing.T) {
	_, err := apply(in(kmsapi.Enabled), "MakeCoffee", now, 0)
	require.ErrorIs(t, err, kmsapi.ErrInternalFailure)
	for _, state := range []kmsapi.KeyState{"", "enabled", "Unavailable"} {
		_, err = apply(keystate.Lifecycle{State: state, HasMaterial: true}, kmsapi.OpEncrypt, now, 0)
		require.ErrorIs(t, err, kmsapi.ErrInternalFailure)
	}
}

func TestTheWaitBeforeADeletion(t *testing.T) {
	for days := range 40 {
		l, err := apply(in(kmsapi.Enabled), kmsapi.OpScheduleKeyDeletion, now, days)
		if days < 7 || days > 30 {
			require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
			require.Equal(t, in(kmsapi.Enabled), l)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, time.Date(2016, 9, 10+days, 14, 0, 0, 0, time.UTC), l.DeleteDate)
	}
	_, err := apply(in(kmsapi.Enabled), kmsapi.OpScheduleKeyDeletion, now, -7)
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
}

func TestADeletionDateIsInUTCAndNeverTooSoon(t *testing.T) {
	local := now.In(time.FixedZone("CST", 8*3600)).Add(time.Nanosecond)
	l, err := apply(in(kmsapi.Enabled), kmsapi.OpScheduleKeyDeletion, local, 7)
	require.NoError(t, err)
	require.Equal(t, time.Date(2016, 9, 17, 14, 0, 1, 0, time.UTC), l.DeleteDate)
}

func TestADeletedKeyIsGone(t *testing.T) {
	l, err := apply(in(kmsapi.Disabled), kmsapi.OpScheduleKeyDeletion, now, 7)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		at   time.Time
		gone bool
	}{
		"one second before its date": {l.DeleteDate.Add(-time.Second), false},
		"at its date":                {l.DeleteDate, true},
		"one second after":           {l.DeleteDate.Add(time.Second), true},
	} {
		t.Run(name, func(t *testing.T) {
			settled, gone := l.Settle(test.at)
			require.Equal(t, test.gone, gone)
			require.Equal(t, l, settled)
			for op := range after {
				_, err := apply(l, op, test.at, 7)
				if test.gone {
					require.ErrorIs(t, err, kmsapi.ErrKeyNotFound, op)
				} else {
					require.NotErrorIs(t, err, kmsapi.ErrKeyNotFound, op)
				}
			}
		})
	}
}

func TestACancelledDeletion(t *testing.T) {
	external := keystate.Lifecycle{
		State: kmsapi.Disabled, Origin: kmsapi.OriginExternal, HasMaterial: true, MaterialExpireTime: now.Add(48 * time.Hour),
	}
	for name, test := range map[string]struct {
		before keystate.Lifecycle
		cancel time.Time
		want   keystate.Lifecycle
	}{
		"enables a key":                   {in(kmsapi.Enabled), now, keystate.New(kmsapi.OriginKMS)},
		"enables a key that was disabled": {in(kmsapi.Disabled), now, keystate.New(kmsapi.OriginKMS)},
		"lets a key without material wait again": {
			in(kmsapi.PendingImport), now,
			keystate.New(kmsapi.OriginExternal),
		},
		"enables a key whose material is good still": {
			external, now,
			keystate.Lifecycle{
				State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true,
				MaterialExpireTime: now.Add(48 * time.Hour),
			},
		},
		"lets a key wait whose material has expired meanwhile": {
			external, now.Add(48 * time.Hour),
			keystate.New(kmsapi.OriginExternal),
		},
		"enables a key one second before its material expires": {
			external, now.Add(48*time.Hour - time.Second),
			keystate.Lifecycle{
				State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true,
				MaterialExpireTime: now.Add(48 * time.Hour),
			},
		},
		"works until one second before the deletion date": {
			in(kmsapi.Enabled), now.Add(7*24*time.Hour - time.Second),
			keystate.New(kmsapi.OriginKMS),
		},
	} {
		t.Run(name, func(t *testing.T) {
			pending, err := apply(test.before, kmsapi.OpScheduleKeyDeletion, now, 7)
			require.NoError(t, err)
			got, err := apply(pending, kmsapi.OpCancelKeyDeletion, test.cancel, 0)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestExpiredMaterial(t *testing.T) {
	expires := now.Add(time.Hour)
	waiting := keystate.New(kmsapi.OriginExternal)
	for name, test := range map[string]struct {
		state kmsapi.KeyState
		at    time.Time
		want  keystate.Lifecycle
	}{
		"of an enabled key, one second before": {
			kmsapi.Enabled, expires.Add(-time.Second),
			keystate.Lifecycle{
				State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true,
				MaterialExpireTime: expires,
			},
		},
		"of an enabled key":                   {kmsapi.Enabled, expires, waiting},
		"of an enabled key, one second after": {kmsapi.Enabled, expires.Add(time.Second), waiting},
		"of a disabled key":                   {kmsapi.Disabled, expires, waiting},
		"of a key that waits for its deletion": {
			kmsapi.PendingDeletion, expires,
			keystate.Lifecycle{
				State: kmsapi.PendingDeletion, Origin: kmsapi.OriginExternal,
				DeleteDate: now.Add(48 * time.Hour),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := keystate.Lifecycle{
				State: test.state, Origin: kmsapi.OriginExternal, HasMaterial: true, MaterialExpireTime: expires,
			}
			if test.state == kmsapi.PendingDeletion {
				l.DeleteDate = now.Add(48 * time.Hour)
			}
			settled, gone := l.Settle(test.at)
			require.False(t, gone)
			require.Equal(t, test.want, settled)
			again, gone := settled.Settle(test.at)
			require.False(t, gone)
			require.Equal(t, settled, again, "settling twice is settling once")
		})
	}
	l := keystate.Lifecycle{
		State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true, MaterialExpireTime: expires,
	}
	_, err := apply(l, kmsapi.OpDecrypt, expires, 0)
	require.ErrorIs(t, err, kmsapi.ErrRejectedPendingImport, "nobody has to settle it before it counts")
	_, err = apply(l, kmsapi.OpEnableKey, expires, 0)
	require.ErrorIs(t, err, kmsapi.ErrStateModifiedFailed)
}

func TestMaterialWithoutAnExpiryLivesOn(t *testing.T) {
	l := keystate.Lifecycle{State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true}
	settled, gone := l.Settle(now.AddDate(1000, 0, 0))
	require.False(t, gone)
	require.Equal(t, l, settled)
}

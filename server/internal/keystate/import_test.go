package keystate_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// imported returns the life of a CMK with imported material in the given state.
func imported(state kmsapi.KeyState, expires time.Time) keystate.Lifecycle {
	l := keystate.Lifecycle{State: state, Origin: kmsapi.OriginExternal, HasMaterial: true, MaterialExpireTime: expires}
	if state == kmsapi.PendingDeletion {
		l.DeleteDate = now.Add(48 * time.Hour)
	}
	return l
}

func TestOnlyAKeyOfOriginExternalTakesImports(t *testing.T) {
	for _, state := range []kmsapi.KeyState{kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion} {
		for op := range exclusive {
			_, err := apply(in(state), op, now, 0)
			require.ErrorIs(t, err, kmsapi.ErrUnsupportedOrigin, "%s when %s", op, state)
		}
		before := in(state)
		got, err := before.Import(now, time.Time{})
		require.ErrorIs(t, err, kmsapi.ErrUnsupportedOrigin)
		require.Equal(t, before, got)
	}
}

func TestAnImport(t *testing.T) {
	soon, late := now.Add(time.Hour), now.Add(48*time.Hour)
	never := time.Time{}
	waiting := keystate.New(kmsapi.OriginExternal)
	for name, test := range map[string]struct {
		before  keystate.Lifecycle
		at      time.Time
		expires time.Time
		want    keystate.Lifecycle
	}{
		"enables a key that waits for it":            {waiting, now, never, imported(kmsapi.Enabled, never)},
		"sets the day on which the material expires": {waiting, now, late, imported(kmsapi.Enabled, late)},
		"leaves an enabled key enabled": {
			imported(kmsapi.Enabled, never), now, never,
			imported(kmsapi.Enabled, never),
		},
		"leaves a disabled key disabled": {
			imported(kmsapi.Disabled, soon), now, late,
			imported(kmsapi.Disabled, late),
		},
		"takes an expiry away": {
			imported(kmsapi.Enabled, soon), now, never,
			imported(kmsapi.Enabled, never),
		},
		"enables a key whose material has expired": {
			imported(kmsapi.Enabled, soon), late, never,
			imported(kmsapi.Enabled, never),
		},
		"enables a disabled key that lost its material": {
			imported(kmsapi.Disabled, soon), late, never,
			imported(kmsapi.Enabled, never),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.before.Import(test.at, test.expires)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	t.Run("is refused while a deletion is pending", func(t *testing.T) {
		before := imported(kmsapi.PendingDeletion, never)
		got, err := before.Import(now, late)
		require.ErrorIs(t, err, kmsapi.ErrStateModifiedFailed)
		require.Equal(t, before, got)
	})
	t.Run("comes too late for a deleted key", func(t *testing.T) {
		_, err := imported(kmsapi.PendingDeletion, never).Import(late, never)
		require.ErrorIs(t, err, kmsapi.ErrKeyNotFound)
	})
}

func TestDeletedMaterial(t *testing.T) {
	waiting := keystate.New(kmsapi.OriginExternal)
	soon := now.Add(time.Hour)
	pending := imported(kmsapi.PendingDeletion, soon)
	for name, test := range map[string]struct{ before, want keystate.Lifecycle }{
		"of an enabled key":      {imported(kmsapi.Enabled, soon), waiting},
		"of a disabled key":      {imported(kmsapi.Disabled, soon), waiting},
		"of a key that has none": {waiting, waiting},
		"of a key to be deleted": {
			pending,
			keystate.Lifecycle{State: kmsapi.PendingDeletion, Origin: kmsapi.OriginExternal, DeleteDate: pending.DeleteDate},
		},
		"of material without a day": {imported(kmsapi.Enabled, time.Time{}), waiting},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := apply(test.before, kmsapi.OpDeleteKeyMaterial, now, 0)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	deleted, err := apply(pending, kmsapi.OpDeleteKeyMaterial, now, 0)
	require.NoError(t, err)
	cancelled, err := apply(deleted, kmsapi.OpCancelKeyDeletion, now, 0)
	require.NoError(t, err)
	require.Equal(t, waiting, cancelled, "a deletion that is called off does not bring it back")
}

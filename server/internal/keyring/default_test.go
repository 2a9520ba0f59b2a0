package keyring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// add stores a new CMK.
func (r *rig) add(a Attributes) *CMK {
	r.t.Helper()
	a.Origin = kmsapi.OriginKMS
	cmk, err := r.NewCMK(testScope, testTime, a)
	require.NoError(r.t, err)
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	return cmk
}

// hasDefault reports whether there is a default key at the time at.
func (r *rig) hasDefault(at time.Time) (exists bool) {
	r.t.Helper()
	require.NoError(r.t, r.View(r.t.Context(), testScope, at, func(reader Reader) (err error) {
		exists, err = reader.HasDefaultCMK()
		return err
	}))
	return exists
}

func TestADefaultKeyIsFoundUntilItIsGone(t *testing.T) {
	r := newRig(t)
	r.add(Attributes{})
	require.False(t, r.hasDefault(testTime))
	cmk := r.add(Attributes{Default: true})
	require.True(t, r.hasDefault(testTime))
	r.update(func(w Writer) error {
		after, err := cmk.Lifecycle.ScheduleDeletion(testTime, 7)
		cmk.Become(after)
		require.NoError(t, err)
		return w.PutCMK(cmk)
	})
	require.True(t, r.hasDefault(testTime))
	later := testTime.Add(8 * 24 * time.Hour)
	require.False(t, r.hasDefault(later))
	require.NoError(t, r.Sweep(t.Context(), later))
	require.False(t, r.hasDefault(later))
	require.Empty(t, r.problems())
}

func TestDamageToDefaultKeysAndKeysOfInstancesIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		attributes Attributes
		damage     func(w store.Writer, cmk *CMK) error
		want       string
	}{
		"no record leads to a default key": {
			Attributes{Default: true},
			func(w store.Writer, cmk *CMK) error { return w.Delete(testScope.defaultPath(cmk.KeyID)) },
			"no record leads to it",
		},
		"a record leads to a key that is not the default": {
			Attributes{},
			func(w store.Writer, cmk *CMK) error { return w.Put(testScope.defaultPath(cmk.KeyID), nil) },
			"is not a default key",
		},
		"a key has lost its instance": {
			Attributes{InstanceID: "kst-dev", IDLetters: "dev"},
			func(w store.Writer, cmk *CMK) error {
				cmk.InstanceID = ""
				return w.Put(testScope.cmkPath(cmk.KeyID), encode(cmk))
			},
			"in a KMS instance, and it is in none",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			cmk := r.add(tc.attributes)
			require.Empty(t, r.problems())
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error { return tc.damage(w, cmk) }))
			problems := r.problems()
			require.Len(t, problems, 1)
			require.Contains(t, problems[0], tc.want)
		})
	}
}

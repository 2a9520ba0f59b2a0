package keyring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

const week = 7 * 24 * time.Hour

// createRotated stores a CMK that is rotated every week.
func (r *rig) createRotated() *CMK {
	r.t.Helper()
	cmk, err := r.NewCMK(testScope, testTime, Attributes{
		Origin: kmsapi.OriginKMS, ProtectionLevel: kmsapi.ProtectionSoftware, RotationInterval: week,
	})
	require.NoError(r.t, err)
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	return cmk
}

// always lets every CMK be rotated.
func always(Reader, *CMK) error { return nil }

// rotations rotates at the time now, and returns what was rotated.
func (r *rig) rotations(now time.Time) (made []Rotation) {
	r.t.Helper()
	require.NoError(r.t, r.Rotate(r.t.Context(), now, always, func(one Rotation) error {
		made = append(made, one)
		return nil
	}))
	return made
}

func (r *rig) versions(keyID string) (all []Version) {
	r.t.Helper()
	r.view(func(reader Reader) error {
		cmk, err := reader.stored(keyID)
		require.NoError(r.t, err)
		page, err := reader.Versions(cmk, 1, cmk.CountVersions())
		all = page.Items
		return err
	})
	return all
}

func TestARotationIsMadeOnceHoweverLateItIs(t *testing.T) {
	r := newRig(t)
	cmk := r.createRotated()
	due := cmk.NextRotation()
	require.Equal(t, testTime.Truncate(time.Second).Add(week), due)
	require.Empty(t, r.rotations(due.Add(-time.Second)))
	late := due.Add(10*week + time.Hour)
	made := r.rotations(late)
	require.Len(t, made, 1, "and not one for each interval that was missed")
	require.Equal(t, cmk.KeyID, made[0].KeyID)
	require.Equal(t, made[0].VersionID, r.versions(cmk.KeyID)[0].ID)
	require.Empty(t, r.rotations(late))
	require.Empty(t, r.rotations(due), "the clock is set back")
	require.Empty(t, r.rotations(late.Add(week-time.Second)))
	require.Len(t, r.rotations(late.Add(week)), 1)
	require.Len(t, r.versions(cmk.KeyID), 3)
	require.Empty(t, r.problems())
}

func TestTwoSweepsAtOnceRotateOnce(t *testing.T) {
	r := newRig(t)
	cmk := r.createRotated()
	now := cmk.NextRotation()
	inner := 0
	require.NoError(t, r.Rotate(t.Context(), now, always, func(Rotation) error {
		inner = len(r.rotations(now))
		return nil
	}))
	require.Zero(t, inner)
	due := dueCMK{testScope, cmk.KeyID}
	made, err := r.rotate(t.Context(), due, now, always) // It was found due, but has been rotated since.
	require.NoError(t, err)
	require.Empty(t, made)
	require.Len(t, r.versions(cmk.KeyID), 2)
}

func TestOnlyEnabledCMKsAreRotated(t *testing.T) {
	r := newRig(t)
	cmk := r.createRotated()
	become := func(state kmsapi.KeyState) {
		r.update(func(w Writer) error {
			changed, err := w.stored(cmk.KeyID)
			require.NoError(t, err)
			after := changed.Lifecycle
			after.State, after.DeleteDate = state, time.Time{}
			if state == kmsapi.PendingDeletion {
				after.DeleteDate = testTime.Add(100 * week)
			}
			changed.Become(after)
			return w.PutCMK(changed)
		})
	}
	due := cmk.NextRotation()
	for _, state := range []kmsapi.KeyState{kmsapi.Disabled, kmsapi.PendingDeletion} {
		become(state)
		require.Empty(t, r.problems())
		require.Empty(t, r.rotations(due.Add(5*week)), state)
	}
	become(kmsapi.Enabled)
	require.Len(t, r.rotations(due.Add(5*week)), 1, "what was missed meanwhile happens then")
	require.Empty(t, r.problems())
}

func TestCMKsWaitForTheirRotationWhileTheScopeIsFull(t *testing.T) {
	r := newRig(t)
	first, second := r.createRotated(), r.createRotated()
	now := first.NextRotation()
	asked := 0
	full := func(Reader, *CMK) error {
		asked++
		return kmsapi.ErrLimitExceeded
	}
	none := func(Rotation) error { panic("nothing is rotated") }
	require.ErrorIs(t, r.Rotate(t.Context(), now, full, none), kmsapi.ErrLimitExceeded)
	require.Equal(t, 1, asked, "the scope is not asked for every CMK")
	require.Len(t, r.rotations(now), 2, "the next sweep tries again")
	require.Len(t, r.versions(second.KeyID), 2)
}

func TestACMKThatCanNotBeRotatedHoldsUpNoOther(t *testing.T) {
	r := newRig(t)
	waits, other := r.createRotated(), r.createRotated()
	now := waits.NextRotation()
	may := func(_ Reader, cmk *CMK) error {
		if cmk.KeyID == waits.KeyID {
			return kmsapi.ErrUnsupportedOperation
		}
		return nil
	}
	require.NoError(t, r.Rotate(t.Context(), now, may, func(Rotation) error { return nil }))
	require.Len(t, r.versions(other.KeyID), 2)
	require.Len(t, r.versions(waits.KeyID), 1)
	require.Len(t, r.rotations(now), 1, "the next sweep tries again")
}

func TestVersionsOfOneSecondKeepTheOrderOfMaking(t *testing.T) {
	r := newRig(t)
	keyID, made := r.create(12, 0)
	var listed []string
	for _, version := range r.versions(keyID) {
		listed = append([]string{version.ID}, listed...)
	}
	require.Equal(t, made, listed)
}

func TestAddedVersionsAreCounted(t *testing.T) {
	r := newRig(t)
	count := func() (n int) {
		r.view(func(reader Reader) (err error) {
			n, err = reader.CountAddedVersions()
			return err
		})
		return n
	}
	require.Zero(t, count())
	keyID, _ := r.create(4, 0)
	r.create(3, 0)
	require.Equal(t, 5, count())
	r.update(func(w Writer) error {
		cmk, err := w.stored(keyID)
		require.NoError(t, err)
		return w.deleteCMK(cmk)
	})
	require.Equal(t, 2, count())
	require.Empty(t, r.problems())
}

func TestEveryDamageToRotationIsFound(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(w store.Writer, cmk *CMK) error
		want   string
	}{
		"a record of the sweeper that is gone": {func(w store.Writer, cmk *CMK) error {
			return w.Delete(testScope.rotationPath(cmk.NextRotation(), cmk.KeyID))
		}, "by which the sweeper finds it, does not exist"},
		"a record of the sweeper at another time": {func(w store.Writer, cmk *CMK) error {
			return w.Put(testScope.rotationPath(testTime, cmk.KeyID), nil)
		}, "its key is not to be rotated at"},
		"a count of versions that is wrong": {func(w store.Writer, _ *CMK) error {
			return w.Put(testScope.versionCountPath(), []byte("7"))
		}, "it counts 7 versions, and there are 0"},
		"a count of something else": {func(w store.Writer, _ *CMK) error {
			return w.Put(countPrefix+testScope.path()+"coins", []byte("7"))
		}, "not of a kind"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			cmk := r.createRotated()
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error { return tc.damage(w, cmk) }))
			problems := r.problems()
			require.Len(t, problems, 1)
			require.Contains(t, problems[0], tc.want)
		})
	}
}

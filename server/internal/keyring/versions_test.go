package keyring

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// material opens the material of a version in the same way as Decrypt, and clears it.
func (r *rig) material(versionID string) error {
	material, err := r.materialOf(versionID)
	if err == nil {
		material.Clear()
	}
	return err
}

func (r *rig) materialOf(versionID string) (*crypt.Material, error) {
	var cmk *CMK
	var version Version
	err := r.View(r.t.Context(), testScope, testTime, func(reader Reader) (err error) {
		keyID, err := reader.OwnerOf(versionID)
		if err != nil {
			return err
		}
		if cmk, err = reader.CMK(keyID); err != nil {
			return err
		}
		version, err = reader.Version(cmk, versionID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.Material(testScope, cmk, version)
}

func TestEveryVersionKeepsItsMaterial(t *testing.T) {
	r := newRig(t)
	keyID, versionIDs := r.create(5, 2)
	other, _ := r.create(2, 0)
	for _, id := range versionIDs {
		require.NoError(t, r.material(id))
	}
	r.view(func(reader Reader) error {
		cmk, err := reader.CMK(keyID)
		require.NoError(t, err)
		require.Equal(t, versionIDs[4], cmk.Primary.ID)
		otherCMK, err := reader.CMK(other)
		require.NoError(t, err)
		_, err = reader.Version(otherCMK, versionIDs[0])
		require.ErrorIs(t, err, store.ErrNotFound, "a version of another key")
		return nil
	})
	require.Empty(t, r.problems())
}

func TestMaterialThatIsGoneIsErasedInEveryVersion(t *testing.T) {
	r := newRig(t)
	keyID, versionIDs := r.create(3, 0)
	r.update(func(w Writer) error {
		cmk, err := w.CMK(keyID)
		require.NoError(t, err)
		gone := cmk.Lifecycle
		gone.HasMaterial, gone.State = false, kmsapi.PendingImport
		cmk.Become(gone)
		version, err := w.Version(cmk, versionIDs[0])
		require.NoError(t, err)
		require.Empty(t, version.Wrapped, "before it is written down, too")
		return w.PutCMK(cmk)
	})
	for _, id := range versionIDs {
		require.Error(t, r.material(id))
	}
	require.Empty(t, r.problems(), "the check looks for material that should be erased")
}

func TestADeletedCMKLeavesNothing(t *testing.T) {
	r := newRig(t)
	kept, _ := r.create(2, 1)
	before := r.records()
	keyID, _ := r.create(50, 10)
	r.update(func(w Writer) error {
		require.NoError(t, w.PutAlias(Alias{Name: "alias/a", KeyID: keyID, CreationDate: testTime}))
		cmk, err := w.CMK(keyID)
		require.NoError(t, err)
		deleted := cmk.Lifecycle
		deleted.State, deleted.DeleteDate = kmsapi.PendingDeletion, testTime.Add(time.Hour)
		cmk.Become(deleted)
		return w.PutCMK(cmk)
	})
	require.Greater(t, len(r.records()), len(before)+50)
	require.NoError(t, r.Sweep(t.Context(), testTime.Add(2*time.Hour)))
	require.Equal(t, before, r.records())
	require.Empty(t, r.problems())
	r.view(func(reader Reader) error {
		tags, err := reader.Tags(kept)
		require.Len(t, tags, 1)
		return err
	})
}

func TestEveryDamageToVersionsIsFound(t *testing.T) {
	const unknown = "86a9efd9-3d16-4894-bd4f-1fc43f3f2abf"
	for name, tc := range map[string]struct {
		damage func(w store.Writer, keyID, versionID string) error
		want   []string
	}{
		"a version that is gone": {func(w store.Writer, keyID, versionID string) error {
			return w.Delete(testScope.cmkVersionPath(keyID, versionID))
		}, []string{"has no version", "has no such version", "it counts 2 versions, and there are 1"}},
		"a version that the index does not have": {func(w store.Writer, _, versionID string) error {
			return w.Delete(testScope.versionPath(versionID))
		}, []string{"the index does not lead from its version"}},
		"a version that is not a record": {func(w store.Writer, keyID, versionID string) error {
			return w.Put(testScope.cmkVersionPath(keyID, versionID), []byte("{}"))
		}, []string{"not in the form"}},
		"a version of a key that is gone": {func(w store.Writer, keyID, versionID string) error {
			value, err := w.Get(testScope.cmkVersionPath(keyID, versionID))
			if err != nil {
				return err
			}
			return w.Put(testScope.cmkVersionPath(unknown, versionID), value)
		}, []string{`its key "` + unknown + `" does not exist`, "it counts 2 versions, and there are 3"}},
		"a version under another id": {func(w store.Writer, keyID, versionID string) error {
			value, err := w.Get(testScope.cmkVersionPath(keyID, versionID))
			if err != nil {
				return err
			}
			return w.Put(testScope.cmkVersionPath(keyID, unknown), value)
		}, []string{
			"does not lead from its number", "does not open", "does not lead from its version",
			"it counts 2 versions, and there are 3",
		}},
		"a version without material": {func(w store.Writer, keyID, versionID string) error {
			return w.Put(testScope.cmkVersionPath(keyID, versionID), encode(&Version{CreationDate: testTime}))
		}, []string{"has no material"}},
		"a primary version in two places": {func(w store.Writer, keyID, versionID string) error {
			value, err := w.Get(testScope.cmkPath(keyID))
			if err != nil {
				return err
			}
			cmk, err := decodeCMK("p", keyID, value)
			if err != nil {
				return err
			}
			return w.Put(testScope.cmkVersionPath(keyID, cmk.Primary.ID), encode(&cmk.Primary))
		}, []string{"it is the primary version", "it counts 2 versions, and there are 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			keyID, versionIDs := r.create(3, 1)
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
				return tc.damage(w, keyID, versionIDs[0])
			}))
			problems := r.problems()
			require.Len(t, problems, len(tc.want), strings.Join(problems, "\n"))
			for i, want := range tc.want {
				require.Contains(t, problems[i], want)
			}
		})
	}
}

package keyring

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// rekey moves the rig to a new store under a new root key, and returns the number of records.
func (r *rig) rekey() int {
	r.t.Helper()
	root, err := crypt.NewRootKey(nil)
	require.NoError(r.t, err)
	path := filepath.Join(r.t.TempDir(), "kms.db")
	to, err := bolt.Open(path, store.Options{})
	require.NoError(r.t, err)
	written, err := r.Rekey(r.t.Context(), to, root, func(int) {})
	require.NoError(r.t, err)
	require.NoError(r.t, to.Close())
	require.NoError(r.t, r.store.Close())
	r.path, r.Keyring = path, &Keyring{root: root}
	r.open()
	return written
}

// imported stores a CMK with imported material, and returns it with the material.
func (r *rig) imported() (*CMK, *crypt.Material) {
	r.t.Helper()
	cmk, err := r.NewCMK(testScope, testTime, Attributes{Origin: kmsapi.OriginExternal})
	require.NoError(r.t, err)
	material, err := crypt.NewMaterial(kmsapi.KeySpecAES256, nil)
	require.NoError(r.t, err)
	require.NoError(r.t, r.SetMaterial(testScope, cmk, material, true))
	cmk.Lifecycle.State, cmk.Lifecycle.HasMaterial = kmsapi.Enabled, true
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	return cmk, material
}

// seal encrypts a message with a version.
func (r *rig) seal(versionID string) []byte {
	r.t.Helper()
	material, err := r.materialOf(versionID)
	require.NoError(r.t, err)
	defer material.Clear()
	blob, err := material.Seal(versionID, []byte("text"), nil)
	require.NoError(r.t, err)
	return blob
}

func (r *rig) requireOpens(versionID string, blob []byte) {
	r.t.Helper()
	material, err := r.materialOf(versionID)
	require.NoError(r.t, err)
	defer material.Clear()
	plaintext, err := material.Open(blob, nil)
	require.NoError(r.t, err)
	require.Equal(r.t, "text", string(plaintext))
}

func TestEveryVersionHasTheSameMaterialUnderANewRootKey(t *testing.T) {
	r := newRig(t)
	_, versions := r.create(3, 2)
	blobs := map[string][]byte{}
	for _, id := range versions {
		blobs[id] = r.seal(id)
	}
	before := r.records()
	written := r.rekey()
	after := r.records()
	require.Len(t, after, written)
	require.Len(t, after, len(before)+1, "and the proof of the earlier root key")
	require.Equal(t, before[rootKeyPath], after[earlierRootKeyPath])
	for id, blob := range blobs {
		r.requireOpens(id, blob)
	}
	require.Empty(t, r.problems())

	require.Equal(t, written, r.rekey(), "there is one such proof, however often the root key is changed")
	require.Empty(t, r.problems())
	r.requireOpens(versions[0], blobs[versions[0]])
}

// A copy of the old file would still have it in unused pages.
func TestNothingThatTheOldRootKeyWrappedIsInTheNewStore(t *testing.T) {
	r := newRig(t)
	r.create(3, 0)
	cmk, _ := r.imported()
	wrapped := [][]byte{cmk.Primary.Wrapped}
	for path, value := range r.records() {
		if strings.HasPrefix(path, cmkPrefix) || strings.HasPrefix(path, cmkVersionPrefix) {
			wrapped = append(wrapped, []byte(value[len(value)-40:]))
		}
	}
	require.Len(t, wrapped, 5)
	r.rekey()
	content, err := os.ReadFile(r.path)
	require.NoError(t, err)
	for _, w := range wrapped {
		require.NotContains(t, string(content), string(w))
	}
	require.True(t, bytes.Contains(content, []byte(cmk.Primary.ID)), "the file is searched")
}

func TestImportedMaterialIsRecognizedUnderANewRootKey(t *testing.T) {
	r := newRig(t)
	cmk, material := r.imported()
	other, err := crypt.NewMaterial(kmsapi.KeySpecAES256, nil)
	require.NoError(t, err)
	gone := cmk.Lifecycle
	gone.HasMaterial, gone.State = false, kmsapi.PendingImport
	cmk.Become(gone)
	r.update(func(w Writer) error { return w.PutCMK(cmk) })
	r.rekey()
	r.view(func(reader Reader) (err error) {
		cmk, err = reader.CMK(cmk.KeyID)
		return err
	})
	require.ErrorIs(t, r.SetMaterial(testScope, cmk, other, true), kmsapi.ErrInvalidKeyMaterial)
	require.NoError(t, r.SetMaterial(testScope, cmk, material, true))
}

func TestImportTokensAreVoidUnderANewRootKey(t *testing.T) {
	r := newRig(t)
	token, err := r.SealToken(testScope, []byte("content"))
	require.NoError(t, err)
	r.rekey()
	_, err = r.OpenToken(testScope, token)
	require.ErrorIs(t, err, crypt.ErrOpen)
}

func TestAStoreKnowsTheRootKeyOfBefore(t *testing.T) {
	r := newRig(t)
	first := r.root
	r.rekey()
	second := r.root
	stranger, err := crypt.NewRootKey(nil)
	require.NoError(t, err)
	verify := func(root *crypt.RootKey) error {
		return r.store.View(t.Context(), func(reader store.Reader) error { return VerifyRootKey(reader, root) })
	}
	require.NoError(t, verify(second))
	require.Equal(t, ErrEarlierRootKey, verify(first))
	require.ErrorIs(t, verify(first), crypt.ErrWrongRootKey)
	require.ErrorIs(t, verify(stranger), crypt.ErrWrongRootKey)
	require.NotErrorIs(t, verify(stranger), ErrEarlierRootKey)
	_, _, err = Open(t.Context(), r.store, first, Options{Logger: discard})
	require.ErrorIs(t, err, ErrEarlierRootKey)
	r.rekey()
	require.NotErrorIs(t, verify(first), ErrEarlierRootKey, "only the last one")
}

func TestARecordThatDoesNotOpenIsNotRekeyed(t *testing.T) {
	r := newRig(t)
	keyID, _ := r.create(1, 0)
	r.update(func(w Writer) error {
		cmk, err := w.CMK(keyID)
		require.NoError(t, err)
		cmk.Primary.Wrapped[40]++
		return w.PutCMK(cmk)
	})
	to, err := bolt.Open(filepath.Join(t.TempDir(), "kms.db"), store.Options{})
	require.NoError(t, err)
	defer to.Close()
	_, err = r.Rekey(t.Context(), to, r.root, func(int) {})
	require.ErrorIs(t, err, crypt.ErrOpen)
	require.ErrorContains(t, err, keyID)
}

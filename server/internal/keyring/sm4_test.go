package keyring

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/sm" // the cipher of SM4
)

// createSM4 stores an SM4 CMK with two versions, and also returns the older one.
func (r *rig) createSM4() (cmk *CMK, first Version) {
	r.t.Helper()
	cmk, err := r.NewCMK(testScope, testTime, Attributes{KeySpec: kmsapi.KeySpecSM4, Origin: kmsapi.OriginKMS})
	require.NoError(r.t, err)
	first = cmk.Primary
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	next, err := r.NewVersion(testScope, testTime, cmk)
	require.NoError(r.t, err)
	r.update(func(w Writer) error { return w.AddVersion(cmk, next) })
	return cmk, first
}

func TestEveryVersionOfSM4HasTheSameMaterialUnderANewRootKey(t *testing.T) {
	r := newRig(t)
	cmk, first := r.createSM4()
	blobs := map[string][]byte{cmk.Primary.ID: r.seal(cmk.Primary.ID), first.ID: r.seal(first.ID)}
	require.Len(t, cmk.Primary.Wrapped, 16+42)
	r.rekey()
	for id, blob := range blobs {
		r.requireOpens(id, blob)
	}
	require.Empty(t, r.problems())
}

// The KeySpec in a record is not authenticated. If it is changed, the key must not be used with another cipher.
func TestMaterialOpensOnlyAsWhatItIs(t *testing.T) {
	r := newRig(t)
	cmk, _ := r.createSM4()
	for _, spec := range []string{kmsapi.KeySpecAES256, kmsapi.KeySpecSM2, "Aliyun_AES_128", ""} {
		cmk.KeySpec = spec
		_, err := r.Material(testScope, cmk, cmk.Primary)
		require.Error(t, err, spec)
		r.update(func(w Writer) error { return w.PutCMK(cmk) })
		require.NotEmpty(t, r.problems(), spec)
	}
	keyID, _ := r.create(1, 0)
	r.view(func(reader Reader) (err error) {
		cmk, err = reader.CMK(keyID)
		return err
	})
	cmk.KeySpec = kmsapi.KeySpecSM4
	_, err := r.Material(testScope, cmk, cmk.Primary)
	require.ErrorIs(t, err, crypt.ErrOpen)
}

package keyring

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

// createPair stores an asymmetric CMK of two versions.
func (r *rig) createPair(spec string) *CMK {
	r.t.Helper()
	pair, err := asymmetric.Generate(spec)
	require.NoError(r.t, err)
	cmk, err := r.NewCMK(testScope, testTime, Attributes{
		Origin: kmsapi.OriginKMS, ProtectionLevel: kmsapi.ProtectionSoftware,
		KeySpec: spec, KeyUsage: kmsapi.KeyUsageSignVerify, KeyPair: pair,
	})
	require.NoError(r.t, err)
	r.update(func(w Writer) error { return w.AddCMK(cmk) })
	second, err := asymmetric.Generate(spec)
	require.NoError(r.t, err)
	version, err := r.NewPairVersion(testScope, testTime, cmk.KeyID, second)
	require.NoError(r.t, err)
	r.update(func(w Writer) error { return w.AddVersion(cmk, version) })
	return cmk
}

func TestKeyPairsAreCheckedAndMovedToAnotherRootKey(t *testing.T) {
	for _, spec := range []string{kmsapi.KeySpecP256, kmsapi.KeySpecP256K} {
		t.Run(spec, func(t *testing.T) {
			r := newRig(t)
			cmk := r.createPair(spec)
			require.Empty(t, r.problems())
			before := map[string]string{}
			r.eachPair(cmk, func(v Version, private, public string) { before[v.ID] = private + public })
			require.Len(t, before, 2)

			r.rekey()
			require.Empty(t, r.problems())
			after := map[string]string{}
			r.eachPair(cmk, func(v Version, private, public string) { after[v.ID] = private + public })
			require.Equal(t, before, after)
		})
	}
}

// eachPair visits the key pairs of a CMK.
func (r *rig) eachPair(cmk *CMK, visit func(v Version, private, public string)) {
	r.t.Helper()
	one := func(v Version) error {
		private, err := r.PrivateKey(testScope, cmk, v)
		require.NoError(r.t, err)
		encoded, err := private.PKCS8()
		require.NoError(r.t, err)
		public, err := r.PublicDER(testScope, cmk, v)
		require.NoError(r.t, err)
		visit(v, string(encoded), string(public))
		return nil
	}
	r.view(func(reader Reader) error {
		now, err := reader.CMK(cmk.KeyID)
		require.NoError(r.t, err)
		require.NoError(r.t, one(now.Primary))
		return reader.eachEarlier(cmk.KeyID, one)
	})
}

func TestAnotherKeysPublicKeyIsFound(t *testing.T) {
	r := newRig(t)
	cmk := r.createPair(kmsapi.KeySpecP256)
	other, err := asymmetric.Generate(kmsapi.KeySpecP256)
	require.NoError(t, err)
	fake := cmk.Primary
	require.NoError(t, r.setPair(testScope, cmk.KeyID, &fake, other))
	cmk.Primary.WrappedPublic = fake.WrappedPublic
	require.NoError(t, r.Update(context.Background(), testScope, testTime, func(w Writer) error { return w.PutCMK(cmk) }))
	require.Len(t, r.problems(), 1)
	require.Contains(t, r.problems()[0], errOtherPair.Error())
}

func TestErasedPairsLeaveNothing(t *testing.T) {
	v := Version{Wrapped: []byte("private"), WrappedPublic: []byte("public"), Fingerprint: []byte("print")}
	v.erase()
	require.Equal(t, Version{Fingerprint: []byte("print")}, v)
}

package crypt

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAFingerprintKeyOutlivesTheRootKeyThatWrapsIt(t *testing.T) {
	first, second, m := newRootKey(t), newRootKey(t), newMaterial(t, kmsapi.KeySpecAES256)
	key, err := first.DeriveFingerprintKey()
	require.NoError(t, err)
	wrapped, err := first.WrapFingerprintKey(pathA, key)
	require.NoError(t, err)
	rewrapped, err := first.Rewrap(second, pathA, KindFingerprintKey, wrapped)
	require.NoError(t, err)

	again, err := second.UnwrapFingerprintKey(pathA, rewrapped)
	require.NoError(t, err)
	fingerprint, err := again.Of(pathA, m)
	require.NoError(t, err)
	require.Equal(t, fingerprintOf(t, first, pathA, m), fingerprint)

	_, err = first.UnwrapFingerprintKey(pathA, rewrapped)
	require.ErrorIs(t, err, ErrOpen, "by the earlier root key")
	_, err = second.UnwrapFingerprintKey(pathB, rewrapped)
	require.ErrorIs(t, err, ErrOpen, "of another record")
	_, err = second.Unwrap(pathA, kmsapi.KeySpecAES256, rewrapped)
	require.ErrorIs(t, err, ErrOpen, "as material")
}

func TestRewrappedMaterialIsTheSameMaterial(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		first, second, m := newRootKey(t), newRootKey(t), newMaterial(t, spec)
		current, err := first.Wrap(pathA, m)
		require.NoError(t, err)
		secret, err := m.key.copy()
		require.NoError(t, err)
		old, err := first.key.seal(recordLabel, []byte{recordFormat}, secret.bytes(), []byte(pathA))
		require.NoError(t, err)
		for name, wrapped := range map[string][]byte{"format 1": old, "format 2": current} {
			rewrapped, err := first.Rewrap(second, pathA, KindMaterial, wrapped)
			require.NoError(t, err, name)
			require.Len(t, rewrapped, len(current), name)
			got, err := second.Unwrap(pathA, spec, rewrapped)
			require.NoError(t, err, name)
			require.True(t, m.Equal(got), name)
			_, err = first.Unwrap(pathA, spec, rewrapped)
			require.ErrorIs(t, err, ErrOpen, name)
			_, err = first.Rewrap(second, pathB, KindMaterial, wrapped)
			require.ErrorIs(t, err, ErrOpen, "%s, of another record", name)
			_, err = second.Rewrap(first, pathA, KindMaterial, wrapped)
			require.ErrorIs(t, err, ErrOpen, "%s, with another root key", name)
		}
	})
}

func TestRootKeysAreCompared(t *testing.T) {
	first, second := newRootKey(t), newRootKey(t)
	require.True(t, first.Equal(first))
	require.False(t, first.Equal(second))
	first.Clear()
	require.False(t, first.Equal(first), "a cleared key equals none")
	require.False(t, second.Equal(first))
}

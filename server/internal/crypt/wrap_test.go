package crypt

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestWrappedMaterialUnwraps(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		root, m := newRootKey(t), newMaterial(t, spec)
		wrapped, err := root.Wrap("cmk/1", m)
		require.NoError(t, err)
		require.Len(t, wrapped, kmsapi.MaterialSize(spec)+42)
		again, err := root.Unwrap("cmk/1", spec, wrapped)
		require.NoError(t, err)
		require.True(t, m.Equal(again))
		opened, err := again.Open(seal(t, m, "x", nil), nil)
		require.NoError(t, err)
		require.Equal(t, "x", string(opened))

		second, err := root.Wrap("cmk/1", m)
		require.NoError(t, err)
		require.NotEqual(t, wrapped, second)
	})
}

func TestMaterialUnwrapsOnlyAtItsPath(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		root := newRootKey(t)
		wrapped, err := root.Wrap("cmk/1", newMaterial(t, spec))
		require.NoError(t, err)
		for _, path := range []string{"", "cmk/", "cmk/2", "cmk/11", "cmk/1/", "key/1"} {
			_, err = root.Unwrap(path, spec, wrapped)
			require.Equal(t, ErrOpen, err, path)
		}
		_, err = newRootKey(t).Unwrap("cmk/1", spec, wrapped)
		require.Equal(t, ErrOpen, err, "with another root key")
	})
}

func TestAlteredMaterialDoesNotUnwrap(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		root := newRootKey(t)
		wrapped, err := root.Wrap("cmk/1", newMaterial(t, spec))
		require.NoError(t, err)
		for bit := range len(wrapped) * 8 {
			changed := bytes.Clone(wrapped)
			changed[bit/8] ^= 1 << (bit % 8)
			_, err := root.Unwrap("cmk/1", spec, changed)
			require.Equal(t, ErrOpen, err, "bit %d", bit)
		}
		for n := range wrapped {
			_, err := root.Unwrap("cmk/1", spec, wrapped[:n])
			require.Equal(t, ErrOpen, err, "cut to %d bytes", n)
		}
		_, err = root.Unwrap("cmk/1", spec, append(wrapped, 0))
		require.Equal(t, ErrOpen, err)
	})
}

func TestSecretsOfAnyLengthAndKindUnwrap(t *testing.T) {
	root := newRootKey(t)
	for _, size := range []int{0, 1, 16, 31, 32, 33, 1218, 1 << 16} {
		for _, kind := range []Kind{0, KindMaterial, 2, 255} {
			secret := bytes.Repeat([]byte{0xa5}, size)
			wrapped, err := root.WrapBytes("cmk/1", kind, secret)
			require.NoError(t, err)
			require.Len(t, wrapped, size+42)
			again, err := root.UnwrapBytes("cmk/1", kind, wrapped)
			require.NoError(t, err)
			require.True(t, bytes.Equal(secret, again))

			_, err = root.UnwrapBytes("cmk/1", kind+1, wrapped)
			require.Equal(t, ErrOpen, err, "as another kind")
			wrapped[1]++
			_, err = root.UnwrapBytes("cmk/1", kind+1, wrapped)
			require.Equal(t, ErrOpen, err, "made another kind")
		}
	}
}

func TestMaterialOfAnotherLengthIsNotMaterial(t *testing.T) {
	root := newRootKey(t)
	for _, size := range []int{0, 15, 16, 17, 31, 32, 33} {
		wrapped, err := root.WrapBytes("cmk/1", KindMaterial, make([]byte, size))
		require.NoError(t, err)
		for spec := range blobOverhead {
			if size == kmsapi.MaterialSize(spec) {
				continue
			}
			_, err = root.Unwrap("cmk/1", spec, wrapped)
			require.Equal(t, ErrOpen, err, "%d bytes as %s", size, spec)
		}
	}
}

// Stores of earlier programs contain format 1, and stores of this one format 2.
func TestBothFormatsOfWrappedMaterialStayReadable(t *testing.T) {
	root := &RootKey{key: mustKey(t, bytes.Repeat([]byte{1}, keySize))}
	want := &Material{key: mustKey(t, bytes.Repeat([]byte{2}, keySize))}
	for _, wrapped := range []string{
		"010dbad6fc3048664f81cab58784aae352fa976c658d28573aaace57be5b2dffb004478079327674ec21d2275b6de74ceab594d1972f18a9c6fa00cef417881866fce90823eb2218df",
		"0201c6394af1b947296ae8143eec9ed512b580fb4b46c7b5990b0a528b04b16ea09a869317c94df3782a5ec0352ad2ad4c0a8d20d546c001439f39817c9295bc1367c37813535ddf0d3c",
	} {
		raw, err := hex.DecodeString(wrapped)
		require.NoError(t, err)
		got, err := root.Unwrap("cmk/1", kmsapi.KeySpecAES256, raw)
		require.NoError(t, err)
		require.True(t, want.Equal(got))
		_, err = root.Unwrap("cmk/2", kmsapi.KeySpecAES256, raw)
		require.Equal(t, ErrOpen, err)
		_, err = root.UnwrapBytes("cmk/1", 2, raw)
		require.Equal(t, ErrOpen, err, "another kind")
		raw[0] ^= 3
		_, err = root.Unwrap("cmk/1", kmsapi.KeySpecAES256, raw)
		require.Equal(t, ErrOpen, err, "made the other format")
	}
}

func mustKey(t *testing.T, secret []byte) *key {
	k, err := newKey(&aes256, secret, nil)
	require.NoError(t, err)
	return k
}

package crypt

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm4gcm"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func init() {
	Register(kmsapi.KeySpecSM4, func(key []byte) Cipher { return sm4gcm.New((*[sm4gcm.KeySize]byte)(key)) })
}

// blobOverhead is how much longer a blob is than its plaintext.
var blobOverhead = map[string]int{kmsapi.KeySpecAES256: 77, kmsapi.KeySpecSM4: 69}

// eachSpec runs test for every KeySpec that material can have.
func eachSpec(t *testing.T, test func(t *testing.T, spec string)) {
	t.Helper()
	for spec := range blobOverhead {
		t.Run(spec, func(t *testing.T) { test(t, spec) })
	}
}

func TestTheSizesAreThoseOfTheAPI(t *testing.T) {
	for _, s := range schemes {
		require.Equal(t, kmsapi.MaterialSize(s.keySpec), s.keySize, s.keySpec)
		require.LessOrEqual(t, s.keySize, maxKeySize)
	}
	require.Equal(t, sm4gcm.SaltSize, sm4.nonceSize)
	require.Equal(t, sm4gcm.Overhead, tagSize)
}

// TestTheLayoutOfBlobsOfSM4IsStable pins the SM4 format: blobs that users keep must open forever.
func TestTheLayoutOfBlobsOfSM4IsStable(t *testing.T) {
	key := bytes.Repeat([]byte{7}, 16)
	m, err := NewMaterial(kmsapi.KeySpecSM4, bytes.NewReader(append(key, "ABCDEFGHIJKLMNOP"...)))
	require.NoError(t, err)
	blob := seal(t, m, "plaintext", context{"b": "2", "a": "1"})
	require.Equal(t, versionA+"\x02ABCDEFGHIJKLMNOP", string(blob[:53]))

	additional := blobLabel + string(blob[:53]) +
		"\x00\x00\x00\x02" + "\x00\x00\x00\x01a\x00\x00\x00\x011" + "\x00\x00\x00\x01b\x00\x00\x00\x012"
	cipher := sm4gcm.New((*[16]byte)(key))
	require.Equal(t, cipher.Seal(nil, blob[37:53], []byte("plaintext"), []byte(additional)), blob[53:])
	require.Equal(t, "0d1bd3ac59ebbd3ee1b2a99e2da5b054107cea7dd347495e72", hex.EncodeToString(blob[53:]))
}

// TestABlobOpensOnlyWithItsKindOfKey gives blobs of one KeySpec the id and the format byte of another.
func TestABlobOpensOnlyWithItsKindOfKey(t *testing.T) {
	aes, sm4 := newMaterial(t, kmsapi.KeySpecAES256), newMaterial(t, kmsapi.KeySpecSM4)
	for name, test := range map[string]struct{ from, to *Material }{
		"AES to SM4": {aes, sm4}, "SM4 to AES": {sm4, aes},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{0, 8, 9, 100} {
				blob, err := test.from.Seal(versionA, make([]byte, size), nil)
				require.NoError(t, err)
				for _, id := range []string{versionA, versionB} {
					for format := range 256 {
						changed := append(append([]byte(id), byte(format)), blob[37:]...)
						_, err := test.to.Open(changed, nil)
						require.Equal(t, ErrOpen, err)
						if _, err = test.from.Open(changed, nil); !bytes.Equal(blob, changed) {
							require.Equal(t, ErrOpen, err)
						}
					}
				}
			}
		})
	}
}

// Even with the same 16 bytes, or the first 16 of 32, keys of different KeySpecs are never equal.
func TestMaterialOfAnotherKeySpecIsAnother(t *testing.T) {
	long, err := MaterialFromBytes(kmsapi.KeySpecAES256, make([]byte, 32))
	require.NoError(t, err)
	short, err := MaterialFromBytes(kmsapi.KeySpecSM4, make([]byte, 16))
	require.NoError(t, err)
	require.False(t, long.Equal(short))
	require.False(t, short.Equal(long))
	root := newRootKey(t)
	require.NotEqual(t, fingerprintOf(t, root, pathA, long), fingerprintOf(t, root, pathA, short))
}

func TestAProgramWithoutTheCipherSaysSo(t *testing.T) {
	root, m := newRootKey(t), newMaterial(t, kmsapi.KeySpecSM4)
	wrapped, err := root.Wrap(pathA, m)
	require.NoError(t, err)
	blob := seal(t, m, "x", nil)
	defer func(linked func(*[maxKeySize]byte) Cipher) { sm4.expand = linked }(sm4.expand)
	sm4.expand = nil

	_, err = NewMaterial(kmsapi.KeySpecSM4, nil)
	require.ErrorIs(t, err, ErrNotLinked)
	_, err = MaterialFromBytes(kmsapi.KeySpecSM4, make([]byte, 16))
	require.ErrorIs(t, err, ErrNotLinked)
	_, err = root.Unwrap(pathA, kmsapi.KeySpecSM4, wrapped)
	require.ErrorIs(t, err, ErrNotLinked)
	_, err = root.Rewrap(newRootKey(t), pathA, KindMaterial, wrapped)
	require.NoError(t, err, "to change the root key takes no cipher")
	id, err := BlobVersionID(blob)
	require.NoError(t, err, "nor does it to find the key of a blob")
	require.Equal(t, versionA, id)
}

func TestMaterialIsOfAKeySpecThatEncryptsData(t *testing.T) {
	for _, spec := range []string{"", "RSA_2048", "EC_SM2", "Aliyun_AES_128", "aliyun_sm4"} {
		_, err := NewMaterial(spec, nil)
		require.ErrorContains(t, err, spec)
		require.NotErrorIs(t, err, ErrNotLinked)
		require.Panics(t, func() { Register(spec, nil) })
	}
	require.Panics(t, func() { Register(kmsapi.KeySpecAES256, nil) }, "this package has it")
	require.Panics(t, func() { Register(kmsapi.KeySpecSM4, nil) }, "it is registered")
}

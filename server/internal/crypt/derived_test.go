package crypt

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	scopeA = "123456/cn-hangzhou/"
	scopeB = "123456/cn-beijing/"
	pathA  = "cmk/123456/cn-hangzhou/a/1"
	pathB  = "cmk/123456/cn-hangzhou/b/1"
)

func sealToken(t testing.TB, root *RootKey, content string) []byte {
	t.Helper()
	token, err := root.SealToken(scopeA, []byte(content))
	require.NoError(t, err)
	return token
}

func TestTokensOpen(t *testing.T) {
	root := newRootKey(t)
	for _, content := range []string{"", "content", string(bytes.Repeat([]byte{0}, 2000))} {
		token := sealToken(t, root, content)
		require.Len(t, token, 41+len(content))
		require.NotEqual(t, token, sealToken(t, root, content), "no two tokens are the same")
		opened, err := root.OpenToken(scopeA, token)
		require.NoError(t, err)
		require.Equal(t, content, string(opened))
	}
}

func TestTokensOpenOnlyInTheirScope(t *testing.T) {
	root := newRootKey(t)
	token := sealToken(t, root, "content")
	_, err := root.OpenToken(scopeB, token)
	require.ErrorIs(t, err, ErrOpen, "another region")
	_, err = newRootKey(t).OpenToken(scopeA, token)
	require.ErrorIs(t, err, ErrOpen, "another root key")
}

func TestAlteredTokensDoNotOpen(t *testing.T) {
	root := newRootKey(t)
	token := sealToken(t, root, "content")
	for bit := range 8 * len(token) {
		changed := bytes.Clone(token)
		changed[bit/8] ^= 1 << (bit % 8)
		_, err := root.OpenToken(scopeA, changed)
		require.ErrorIs(t, err, ErrOpen, "bit %d", bit)
	}
	for n := range len(token) {
		_, err := root.OpenToken(scopeA, token[:n])
		require.ErrorIs(t, err, ErrOpen, "cut to %d bytes", n)
	}
	_, err := root.OpenToken(scopeA, append(bytes.Clone(token), 0))
	require.ErrorIs(t, err, ErrOpen)
}

// TestSealedValuesAreNotInterchangeable tries to open what was sealed for one purpose as if it were for another.
func TestSealedValuesAreNotInterchangeable(t *testing.T) {
	root, m := newRootKey(t), newMaterial(t, kmsapi.KeySpecAES256)
	wrapped, err := root.Wrap(scopeA, m)
	require.NoError(t, err)
	_, err = root.OpenToken(scopeA, wrapped)
	require.ErrorIs(t, err, ErrOpen)
	_, err = root.Unwrap(scopeA, kmsapi.KeySpecAES256, sealToken(t, root, string(bytes.Repeat([]byte{1}, keySize))))
	require.ErrorIs(t, err, ErrOpen)
	require.ErrorIs(t, root.VerifyCheck(sealToken(t, root, "")), ErrWrongRootKey)
}

// fingerprintOf computes a fingerprint with the key that earlier programs derived.
func fingerprintOf(t *testing.T, root *RootKey, path string, m *Material) []byte {
	t.Helper()
	key, err := root.DeriveFingerprintKey()
	require.NoError(t, err)
	defer key.Clear()
	f, err := key.Of(path, m)
	require.NoError(t, err)
	require.Len(t, f, 32)
	return f
}

func TestFingerprints(t *testing.T) {
	eachSpec(t, func(t *testing.T, spec string) {
		root := newRootKey(t)
		fingerprint := func(root *RootKey, path string, fill byte) []byte {
			m, err := MaterialFromBytes(spec, bytes.Repeat([]byte{fill}, kmsapi.MaterialSize(spec)))
			require.NoError(t, err)
			defer m.Clear()
			return fingerprintOf(t, root, path, m)
		}
		first := fingerprint(root, pathA, 1)
		require.Equal(t, first, fingerprint(root, pathA, 1), "the same material has the same fingerprint")
		require.NotEqual(t, first, fingerprint(root, pathA, 2), "other material")
		require.NotEqual(t, first, fingerprint(root, pathB, 1), "another record")
		require.NotEqual(t, first, fingerprint(newRootKey(t), pathA, 1), "another root key")
		require.NotEqual(t, fingerprint(root, pathA+"\x01", 1), first, "bytes do not move between path and material")

		secret, err := root.key.copy()
		require.NoError(t, err)
		plain := hmac.New(sha256.New, secret.bytes())
		plain.Write(append([]byte(pathA), bytes.Repeat([]byte{1}, kmsapi.MaterialSize(spec))...))
		require.NotEqual(t, plain.Sum(nil), first, "the root key itself is not the HMAC key")
	})
}

// TestDerivedKeysAreStable pins the keys that the stores and tokens of earlier versions depend on.
func TestDerivedKeysAreStable(t *testing.T) {
	random := bytes.NewReader(append(bytes.Repeat([]byte{1}, keySize), bytes.Repeat([]byte{2}, nonceSize)...))
	root, err := NewRootKey(random)
	require.NoError(t, err)
	m, err := MaterialFromBytes(kmsapi.KeySpecAES256, bytes.Repeat([]byte{3}, keySize))
	require.NoError(t, err)
	f := fingerprintOf(t, root, pathA, m)
	require.Equal(t, "43b8eba3445be08954a7728b98dd8d714330a0320d48bf7296e71e35d10a959e", hex.EncodeToString(f))
	require.Equal(t, "010202020202020202020202020202020202020202020202022275430eea5e0a546b12bd67fd28e3158647866991b742",
		hex.EncodeToString(sealToken(t, root, "content")))
}

func TestAClearedRootKeyDerivesNothing(t *testing.T) {
	root, m := newRootKey(t), newMaterial(t, kmsapi.KeySpecAES256)
	token := sealToken(t, root, "content")
	root.Clear()
	_, err := root.SealToken(scopeA, nil)
	require.ErrorIs(t, err, ErrCleared)
	_, err = root.OpenToken(scopeA, token)
	require.ErrorIs(t, err, ErrCleared)
	_, err = root.DeriveFingerprintKey()
	require.ErrorIs(t, err, ErrCleared)
	key, err := NewFingerprintKey(nil)
	require.NoError(t, err)
	cleared := newMaterial(t, kmsapi.KeySpecAES256)
	cleared.Clear()
	_, err = key.Of(pathA, cleared)
	require.ErrorIs(t, err, ErrCleared)
	key.Clear()
	_, err = key.Of(pathA, m)
	require.ErrorIs(t, err, ErrCleared)
	_, err = newRootKey(t).WrapFingerprintKey(pathA, key)
	require.ErrorIs(t, err, ErrCleared)
}

func FuzzOpenToken(f *testing.F) {
	// All fuzzing processes must use the same token.
	root, err := NewRootKey(bytes.NewReader(bytes.Repeat([]byte{7}, keySize+nonceSize)))
	require.NoError(f, err)
	token := sealToken(f, root, "content")
	f.Add(token, scopeA)
	f.Add(token, scopeB)
	f.Add(token[:41], scopeA)
	f.Add([]byte(nil), "")
	f.Fuzz(func(t *testing.T, fuzzed []byte, scope string) {
		content, err := root.OpenToken(scope, fuzzed)
		if err != nil {
			require.Equal(t, ErrOpen, err)
			return
		}
		require.Equal(t, token, fuzzed)
		require.Equal(t, scopeA, scope)
		require.Equal(t, "content", string(content))
	})
}

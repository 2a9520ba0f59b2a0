package sm2key

import (
	"bytes"
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

func TestTheKeyOfTheStandardHasItsPublicKey(t *testing.T) {
	want := unhex("04" + "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020" +
		"CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
	spki, err := standardKey(t).Public().SPKI()
	require.NoError(t, err)
	point, err := curvekey.SM2.ParsePublic(spki)
	require.NoError(t, err)
	require.Equal(t, want, point)
}

func TestKeysOfOpenSSLAreTheSameAfterTheyWereStored(t *testing.T) {
	key := opensslKey(t)
	encoded, err := key.PKCS8()
	require.NoError(t, err)
	require.Equal(t, vector(t, "sm2.pkcs8.der"), encoded)
	spki, err := key.Public().SPKI()
	require.NoError(t, err)
	require.Equal(t, string(vector(t, "sm2.pub.pem")), pemOf(t, spki))
	again, err := ParsePublic(spki)
	require.NoError(t, err)
	twice, err := again.SPKI()
	require.NoError(t, err)
	require.Equal(t, spki, twice)
	require.Equal(t, "[redacted] [redacted]", fmt.Sprintf("%+v %#v", *key, key))
}

func TestTheNumberOfAPrivateKeyIsInItsRange(t *testing.T) {
	for name, tc := range map[string]struct {
		scalar []byte
		good   bool
	}{
		"1": {number(big.NewInt(1)), true}, "n-2": {orderPlus(-2), true},
		"0": {make([]byte, 32), false}, "n-1, with which no signature could be made": {orderPlus(-1), false},
		"n": {orderPlus(0), false}, "n+1": {orderPlus(1), false}, "all ones": {bytes.Repeat([]byte{0xff}, 32), false},
		"31 bytes": {make([]byte, 31), false}, "33 bytes": {append([]byte{0}, number(big.NewInt(1))...), false},
		"nothing": {nil, false},
	} {
		key, err := New(tc.scalar)
		require.Equal(t, tc.good, err == nil, name)
		if !tc.good {
			require.ErrorIs(t, err, ErrKey)
			continue
		}
		signature, err := key.Sign(make([]byte, DigestSize))
		require.NoError(t, err, name)
		require.True(t, key.Public().Verify(make([]byte, DigestSize), signature), name)
	}
}

func TestAKeyWithThePublicKeyOfAnotherIsRefused(t *testing.T) {
	other, err := Generate()
	require.NoError(t, err)
	pkcs8, err := curvekey.SM2.Private(opensslKey(t).scalar, other.public.point)
	require.NoError(t, err)
	_, err = ParsePrivate(pkcs8)
	require.ErrorIs(t, err, ErrKey)
	pkcs8, err = curvekey.SM2.Private(opensslKey(t).scalar, nil)
	require.NoError(t, err)
	key, err := ParsePrivate(pkcs8)
	require.NoError(t, err, "it need not have one")
	encoded, err := key.PKCS8()
	require.NoError(t, err)
	require.Equal(t, vector(t, "sm2.pkcs8.der"), encoded)
}

// badPoints are 65 bytes that are not a point of the curve, and points in other forms.
func badPoints(t testing.TB) map[string][]byte {
	good := opensslKey(t).public.point
	offCurve := bytes.Clone(good)
	offCurve[64] ^= 1
	x, y := new(big.Int).SetBytes(good[1:33]), new(big.Int).SetBytes(good[33:])
	// A y above the prime fits into 32 bytes only if y is small.
	tooLarge := append(append([]byte{4}, number(prime)...), number(y)...)
	return map[string][]byte{
		"off the curve":      offCurve,
		"another curve's":    append([]byte{4}, bytes.Repeat([]byte{1}, 64)...),
		"zero":               append([]byte{4}, make([]byte, 64)...),
		"infinity":           make([]byte, 65),
		"not reduced":        tooLarge,
		"x and y swapped":    append(append([]byte{4}, number(y)...), number(x)...),
		"compressed":         append([]byte{2 | good[64]&1}, good[1:33]...),
		"compressed, padded": append(append([]byte{2 | good[64]&1}, good[1:33]...), make([]byte, 32)...),
		"hybrid":             append([]byte{6 | good[64]&1}, good[1:]...),
		"one byte":           {0},
		"nothing":            nil,
	}
}

func TestPublicKeysAreOnTheCurve(t *testing.T) {
	for name, point := range badPoints(t) {
		spki, err := curvekey.SM2.Public(point)
		require.NoError(t, err)
		_, err = ParsePublic(spki)
		require.ErrorIs(t, err, ErrKey, name)
	}
}

func TestClearOverwritesTheNumber(t *testing.T) {
	key, err := Generate()
	require.NoError(t, err)
	scalar, words := key.scalar, key.key.D.Bits()
	key.Clear()
	require.Equal(t, make([]byte, 32), scalar)
	for _, word := range words {
		require.Zero(t, word)
	}
}

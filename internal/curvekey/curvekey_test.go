package curvekey

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// spkiOf has SubjectPublicKeyInfos up to the point, from OpenSSL.
var spkiOf = map[string]Curve{
	"3059301306072a8648ce3d020106082a8648ce3d030107034200": P256,
	"3056301006072a8648ce3d020106052b8104000a034200":       P256K,
	"3059301306072a8648ce3d020106082a811ccf5501822d034200": SM2,
}

var (
	somePoint  = append([]byte{4}, bytes.Repeat([]byte{1, 2}, 32)...)
	someScalar = bytes.Repeat([]byte{7}, 32)
)

func TestPublicKeysAreWrittenAndRead(t *testing.T) {
	for prefix, curve := range spkiOf {
		spki, err := curve.Public(somePoint)
		require.NoError(t, err)
		require.Equal(t, prefix+hex.EncodeToString(somePoint), hex.EncodeToString(spki))
		for _, reader := range spkiOf {
			point, err := reader.ParsePublic(spki)
			if reader.oid.Equal(curve.oid) {
				require.NoError(t, err)
				require.Equal(t, somePoint, point)
				continue
			}
			require.ErrorIs(t, err, ErrKey, "a key on another curve")
		}
		for n := range spki {
			_, err := curve.ParsePublic(spki[:n])
			require.ErrorIs(t, err, ErrKey)
		}
		_, err = curve.ParsePublic(append(spki, 0))
		require.ErrorIs(t, err, ErrKey)
	}
}

func TestPointsInPublicKeysAreUncompressed(t *testing.T) {
	for name, point := range map[string][]byte{
		"compressed": append([]byte{2}, someScalar...), "at infinity": {0}, "nothing": nil,
		"hybrid": append([]byte{6}, somePoint[1:]...), "too long": append(bytes.Clone(somePoint), 0),
	} {
		spki, err := SM2.Public(point)
		require.NoError(t, err)
		_, err = SM2.ParsePublic(spki)
		require.ErrorIs(t, err, ErrKey, name)
	}
}

func TestPrivateKeysAreWrittenAndRead(t *testing.T) {
	for _, point := range [][]byte{somePoint, nil} {
		pkcs8, err := SM2.Private(someScalar, point)
		require.NoError(t, err)
		scalar, own, err := SM2.ParsePrivate(pkcs8)
		require.NoError(t, err)
		require.Equal(t, someScalar, scalar)
		require.Equal(t, point, own)
		_, _, err = P256.ParsePrivate(pkcs8)
		require.ErrorIs(t, err, ErrKey)
		_, _, err = SM2.ParsePrivate(append(pkcs8, 0))
		require.ErrorIs(t, err, ErrKey)
		for n := range pkcs8 {
			_, _, err = SM2.ParsePrivate(pkcs8[:n])
			require.ErrorIs(t, err, ErrKey)
		}
	}
	for _, size := range []int{0, 1, 31, 33} {
		pkcs8, err := SM2.Private(make([]byte, size), nil)
		require.NoError(t, err)
		_, _, err = SM2.ParsePrivate(pkcs8)
		require.ErrorIs(t, err, ErrKey, size)
	}
}

func TestAPointMatchesInEitherForm(t *testing.T) {
	odd := append([]byte{4}, bytes.Repeat([]byte{1, 3}, 32)...)
	require.True(t, Matches(nil, odd))
	require.True(t, Matches(odd, odd))
	require.True(t, Matches(append([]byte{3}, odd[1:33]...), odd))
	require.True(t, Matches(append([]byte{2}, somePoint[1:33]...), somePoint))
	require.False(t, Matches(append([]byte{2}, odd[1:33]...), odd), "the other y")
	require.False(t, Matches(somePoint, odd))
	require.False(t, Matches(odd[:64], odd))
}

func TestOtherPrivateKeysAreRefused(t *testing.T) {
	inner := ecPrivateKey{Version: 1, Scalar: someScalar, Curve: SM2.oid, Public: bitString(somePoint)}
	encode := func(outer privateKeyInfo, inner ecPrivateKey) []byte {
		var err error
		outer.Key, err = asn1.Marshal(inner)
		require.NoError(t, err)
		der, err := asn1.Marshal(outer)
		require.NoError(t, err)
		return der
	}
	good := privateKeyInfo{Algorithm: SM2.algorithm}
	scalar, _, err := SM2.ParsePrivate(encode(good, inner))
	require.NoError(t, err, "the curve may be named twice")
	require.Equal(t, someScalar, scalar)
	for name, change := range map[string]func(*privateKeyInfo, *ecPrivateKey){
		"another version of PKCS#8": func(outer *privateKeyInfo, _ *ecPrivateKey) { outer.Version = 1 },
		"another version of SEC 1":  func(_ *privateKeyInfo, inner *ecPrivateKey) { inner.Version = 2 },
		"two curves":                func(_ *privateKeyInfo, inner *ecPrivateKey) { inner.Curve = P256.oid },
		"another algorithm":         func(outer *privateKeyInfo, _ *ecPrivateKey) { outer.Algorithm.Algorithm = P256.oid },
		"no curve": func(outer *privateKeyInfo, _ *ecPrivateKey) {
			outer.Algorithm.Parameters = asn1.RawValue{}
		},
		"a point of a broken length": func(_ *privateKeyInfo, inner *ecPrivateKey) { inner.Public.BitLength-- },
		"a number of a byte too few": func(_ *privateKeyInfo, inner *ecPrivateKey) { inner.Scalar = someScalar[1:] },
		"a number with a leading zero": func(_ *privateKeyInfo, inner *ecPrivateKey) {
			inner.Scalar = append([]byte{0}, someScalar...)
		},
	} {
		outer, inner := good, inner
		change(&outer, &inner)
		_, _, err := SM2.ParsePrivate(encode(outer, inner))
		require.ErrorIs(t, err, ErrKey, name)
	}
}

// FuzzParse looks for input that is accepted as a key, but differs when the key is encoded again.
func FuzzParse(f *testing.F) {
	pkcs8, err := SM2.Private(someScalar, somePoint)
	require.NoError(f, err)
	spki, err := SM2.Public(somePoint)
	require.NoError(f, err)
	f.Add(pkcs8)
	f.Add(spki)
	f.Fuzz(func(t *testing.T, der []byte) {
		if scalar, point, err := SM2.ParsePrivate(der); err == nil {
			encoded, err := SM2.Private(scalar, point)
			require.NoError(t, err)
			again, own, err := SM2.ParsePrivate(encoded)
			require.NoError(t, err)
			require.Equal(t, scalar, again)
			require.Equal(t, len(point), len(own))
		}
		if point, err := SM2.ParsePublic(der); err == nil {
			encoded, err := SM2.Public(point)
			require.NoError(t, err)
			again, err := SM2.ParsePublic(encoded)
			require.NoError(t, err)
			require.Equal(t, point, again)
		}
	})
}

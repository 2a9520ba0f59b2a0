// Package curvekey encodes and parses keys on elliptic curves with 256 bits: private ones in PKCS#8 (RFC 5208, RFC
// 5915), and public ones as SubjectPublicKeyInfo (RFC 5480). It is for curves that crypto/x509 does not know, and does
// no arithmetic: its user must check whether a number or a point belongs to the curve.
package curvekey

import (
	"bytes"
	"encoding/asn1"
	"errors"
)

// Size is the length of private numbers and of coordinates, in bytes.
const Size = 32

// uncompressed is the first byte of a point with both coordinates.
const uncompressed = 4

// ErrKey is the only error for anything that is not a key on the curve.
var ErrKey = errors.New("it is not a key on that curve")

// Curve is a named curve.
type Curve struct {
	oid       asn1.ObjectIdentifier
	algorithm algorithmIdentifier
}

// The curves of KMS.
var (
	P256  = curveNamed(1, 2, 840, 10045, 3, 1, 7)
	P256K = curveNamed(1, 3, 132, 0, 10)
	SM2   = curveNamed(1, 2, 156, 10197, 1, 301)
)

var oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

func curveNamed(oid ...int) Curve {
	der, err := asn1.Marshal(asn1.ObjectIdentifier(oid))
	if err != nil {
		panic(err) // It is a constant.
	}
	return Curve{oid, algorithmIdentifier{oidECPublicKey, asn1.RawValue{FullBytes: der}}}
}

// Named reports whether oid is the name of the curve.
func (c Curve) Named(oid asn1.ObjectIdentifier) bool { return c.oid.Equal(oid) }

// is reports whether an AlgorithmIdentifier identifies keys on the curve.
func (c Curve) is(a algorithmIdentifier) bool {
	return a.Algorithm.Equal(oidECPublicKey) && string(a.Parameters.FullBytes) == string(c.algorithm.Parameters.FullBytes)
}

// privateKeyInfo is PKCS#8, without attributes.
type privateKeyInfo struct {
	Version   int
	Algorithm algorithmIdentifier
	Key       []byte
}

// ecPrivateKey is an ECPrivateKey.
type ecPrivateKey struct {
	Version int
	Scalar  []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// ParsePrivate returns the private number in PKCS#8, [Size] bytes that the caller clears, and the public point in it,
// if there is one. Nothing may follow the key.
func (c Curve) ParsePrivate(pkcs8 []byte) (scalar, point []byte, err error) {
	var outer privateKeyInfo
	rest, err := asn1.Unmarshal(pkcs8, &outer)
	defer clear(outer.Key)
	if err != nil || len(rest) > 0 || outer.Version != 0 || !c.is(outer.Algorithm) {
		return nil, nil, ErrKey
	}
	var inner ecPrivateKey
	rest, err = asn1.Unmarshal(outer.Key, &inner)
	sameCurve := len(inner.Curve) == 0 || inner.Curve.Equal(c.oid)
	whole := len(inner.Scalar) == Size && inner.Public.BitLength%8 == 0
	if err != nil || len(rest) > 0 || inner.Version != 1 || !sameCurve || !whole {
		clear(inner.Scalar)
		return nil, nil, ErrKey
	}
	return inner.Scalar, bytes.Clone(inner.Public.Bytes), nil // The point is a part of outer.Key.
}

// Private encodes a private number of [Size] bytes in PKCS#8, with its public point, or without one if point is nil.
// The caller clears the result.
func (c Curve) Private(scalar, point []byte) ([]byte, error) {
	inner, err := asn1.Marshal(ecPrivateKey{Version: 1, Scalar: scalar, Public: bitString(point)})
	if err != nil {
		return nil, err
	}
	defer clear(inner)
	return asn1.Marshal(privateKeyInfo{Algorithm: c.algorithm, Key: inner})
}

// publicKeyInfo is a SubjectPublicKeyInfo.
type publicKeyInfo struct {
	Algorithm algorithmIdentifier
	Key       asn1.BitString
}

// ParsePublic returns the point of a SubjectPublicKeyInfo. It begins with 4, since points must be uncompressed.
func (c Curve) ParsePublic(spki []byte) (point []byte, err error) {
	var parsed publicKeyInfo
	rest, err := asn1.Unmarshal(spki, &parsed)
	if err != nil || len(rest) > 0 || !c.is(parsed.Algorithm) {
		return nil, ErrKey
	}
	point = parsed.Key.Bytes
	if parsed.Key.BitLength%8 != 0 || len(point) != 1+2*Size || point[0] != uncompressed {
		return nil, ErrKey
	}
	return point, nil
}

// Public encodes a point as a SubjectPublicKeyInfo.
func (c Curve) Public(point []byte) ([]byte, error) {
	return asn1.Marshal(publicKeyInfo{Algorithm: c.algorithm, Key: bitString(point)})
}

func bitString(point []byte) asn1.BitString {
	return asn1.BitString{Bytes: point, BitLength: 8 * len(point)}
}

// Matches reports whether given, the public point in a private key, is absent or equals own, which was computed from
// the key. own is uncompressed; given may be in either form.
func Matches(given, own []byte) bool {
	compressed := append([]byte{2 | own[len(own)-1]&1}, own[1:1+Size]...)
	return len(given) == 0 || string(given) == string(own) || string(given) == string(compressed)
}

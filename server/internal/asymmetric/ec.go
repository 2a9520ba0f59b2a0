package asymmetric

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// scalarSize is the length of the private numbers of both curves, in bytes.
const scalarSize = 32

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256        = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidP256K       = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
)

// pkcs8 is a PrivateKeyInfo (RFC 5208), without attributes.
type pkcs8 struct {
	Version   int
	Algorithm algorithmIdentifier
	Key       []byte
}

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

// ecKey is an ECPrivateKey (RFC 5915).
type ecKey struct {
	Version int
	Scalar  []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// parsePKCS8 parses PKCS#8, after which there is nothing else.
func parsePKCS8(der []byte) (pkcs8, error) {
	var parsed pkcs8
	rest, err := asn1.Unmarshal(der, &parsed)
	if err != nil || len(rest) > 0 || parsed.Version != 0 {
		return parsed, ErrKey
	}
	return parsed, nil
}

// parseScalar returns the private number of a key on the curve that oid names, and the public point in it, if there is
// one.
func parseScalar(oid asn1.ObjectIdentifier, der []byte) (scalar, point []byte, err error) {
	outer, err := parsePKCS8(der)
	if err != nil || !outer.Algorithm.Algorithm.Equal(oidECPublicKey) {
		return nil, nil, ErrKey
	}
	var named asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &named); err != nil || len(rest) > 0 {
		return nil, nil, ErrKey
	}
	var inner ecKey
	rest, err := asn1.Unmarshal(outer.Key, &inner)
	sameCurve := named.Equal(oid) && (len(inner.Curve) == 0 || inner.Curve.Equal(oid))
	if err != nil || len(rest) > 0 || inner.Version != 1 || len(inner.Scalar) != scalarSize || !sameCurve {
		return nil, nil, ErrKey
	}
	if inner.Public.BitLength%8 != 0 {
		return nil, nil, ErrKey
	}
	return inner.Scalar, inner.Public.Bytes, nil
}

// matches reports whether the public point in a private key, if there is one, is the one that belongs to it, in either
// form.
func matches(given, uncompressed, compressed []byte) bool {
	return len(given) == 0 || bytes.Equal(given, uncompressed) || bytes.Equal(given, compressed)
}

// noEncryption is for keys that only sign.
type noEncryption struct{}

func (noEncryption) Decrypt(string, []byte) ([]byte, bool) { return nil, false }

func (noEncryption) MaxPlaintext(string) int { return 0 }

func (noEncryption) Encrypt(string, []byte) ([]byte, error) { return nil, ErrAlgorithm }

type p256Private struct {
	noEncryption
	key *ecdsa.PrivateKey
}

func generateP256() (PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &p256Private{key: key}, err
}

func parseP256(der []byte) (PrivateKey, error) {
	scalar, point, err := parseScalar(oidP256, der)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, err
	}
	if len(point) > 0 {
		own, err := key.PublicKey.Bytes()
		if err != nil || !matches(point, own, compress(own)) {
			return nil, ErrKey
		}
	}
	return &p256Private{key: key}, nil
}

// compress returns the compressed form of an uncompressed point.
func compress(point []byte) []byte {
	return append([]byte{2 | point[len(point)-1]&1}, point[1:1+scalarSize]...)
}

func (k *p256Private) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.key) }

func (k *p256Private) Public() PublicKey { return &p256Public{key: &k.key.PublicKey} }

func (k *p256Private) Sign(algorithm string, digest []byte) ([]byte, error) {
	if algorithm != kmsapi.SignECDSA {
		return nil, ErrAlgorithm
	}
	return ecdsa.SignASN1(rand.Reader, k.key, digest)
}

// Clear can't reach the number: the library lends no access to it.
func (k *p256Private) Clear() { k.key = nil }

type p256Public struct {
	noEncryption
	key *ecdsa.PublicKey
}

func parsePublicP256(spki []byte) (PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(spki)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	return &p256Public{key: key}, nil
}

func (p *p256Public) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(p.key) }

func (p *p256Public) Verify(algorithm string, digest, signature []byte) bool {
	return algorithm == kmsapi.SignECDSA && ecdsa.VerifyASN1(p.key, digest, signature)
}

package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ParsePrivateKey reads a private key for an import, and returns it in the form that KMS takes, PKCS#8 (RFC 5208), with
// the KeySpec of the CMK that it is for. content is PEM or DER, of PKCS#8, PKCS#1 (RSA) or SEC 1 (curves). The caller
// must clear pkcs8. No error shows any part of the key.
func ParsePrivateKey(content []byte) (keySpec string, pkcs8 []byte, err error) {
	der, err := privateKeyDER(content)
	if err != nil {
		return "", nil, err
	}
	parsed, err := parsePrivateKeyDER(der)
	if err != nil {
		return parseOtherCurve(der)
	}
	if keySpec = keySpecOf(parsed); keySpec == "" {
		return "", nil, errKeySpec
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(parsed); err != nil {
		return "", nil, errNoPrivateKey
	}
	return keySpec, pkcs8, nil
}

var (
	errNoPrivateKey = errors.New("it is not a private key in PEM or DER (PKCS#8, PKCS#1 or SEC 1)")
	errKeySpec      = errors.New("it is a private key of a kind that KMS does not import: it must be RSA of 2048, " +
		"3072 or 4096 bits with the exponent 65537, or on the curve P-256, secp256k1 or SM2")
)

// privateKeyDER returns the only private key in the PEM, or content itself.
func privateKeyDER(content []byte) (der []byte, err error) {
	block, rest := pem.Decode(content)
	if block == nil {
		return content, nil
	}
	for ; block != nil; block, rest = pem.Decode(rest) {
		switch {
		case !strings.HasSuffix(block.Type, "PRIVATE KEY"): // There may be curve parameters or certificates too.
		case strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "":
			return nil, errors.New("the private key is encrypted; decrypt it first: openssl pkey -in FILE -out FILE")
		case der != nil:
			return nil, errors.New("it holds more than one private key")
		default:
			der = block.Bytes
		}
	}
	if der == nil {
		return nil, errors.New("it is PEM, but no private key is in it")
	}
	return der, nil
}

// parsePrivateKeyDER parses the formats that the standard library knows.
func parsePrivateKeyDER(der []byte) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(der)
}

// keySpecOf returns the KeySpec for a key, and "" if there is none.
func keySpecOf(key any) string {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		spec := fmt.Sprintf("RSA_%d", key.N.BitLen())
		if kmsapi.ServesKeySpec(spec) && key.E == 65537 && len(key.Primes) == 2 {
			return spec
		}
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return kmsapi.KeySpecP256
		}
	}
	return ""
}

// A privateKeyInfo is a key in PKCS#8.
type privateKeyInfo struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// An ecPrivateKey is a key in SEC 1 (RFC 5915).
type ecPrivateKey struct {
	Version int
	Scalar  []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

var oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}

// otherCurves are the curves of KMS that the standard library does not know.
var otherCurves = []struct {
	keySpec string
	curve   curvekey.Curve
}{
	{kmsapi.KeySpecP256K, curvekey.P256K},
	{kmsapi.KeySpecSM2, curvekey.SM2},
}

// parseOtherCurve parses a key on one of otherCurves. It leaves it to KMS to check that the numbers in it belong
// together.
func parseOtherCurve(der []byte) (keySpec string, pkcs8 []byte, err error) {
	sec1, curves := der, []asn1.ObjectIdentifier{}
	var outer privateKeyInfo
	if rest, err := asn1.Unmarshal(der, &outer); err == nil && len(rest) == 0 {
		var curve asn1.ObjectIdentifier
		_, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &curve)
		if err != nil || !outer.Algorithm.Algorithm.Equal(oidECPublicKey) {
			return "", nil, errKeySpec
		}
		sec1, curves = outer.Key, append(curves, curve)
	}
	defer clear(outer.Key)
	var key ecPrivateKey
	rest, err := asn1.Unmarshal(sec1, &key)
	if err != nil || len(rest) > 0 || key.Version != 1 || key.Public.BitLength%8 != 0 {
		return "", nil, errNoPrivateKey
	}
	defer clear(key.Scalar)
	if len(key.Curve) > 0 {
		curves = append(curves, key.Curve)
	}
	for _, known := range otherCurves {
		onAnother := func(curve asn1.ObjectIdentifier) bool { return !known.curve.Named(curve) }
		if len(curves) > 0 && !slices.ContainsFunc(curves, onAnother) && len(key.Scalar) == curvekey.Size {
			pkcs8, err = known.curve.Private(key.Scalar, key.Public.Bytes)
			return known.keySpec, pkcs8, err
		}
	}
	return "", nil, errKeySpec
}

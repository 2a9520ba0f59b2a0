package asymmetric

import (
	"encoding/asn1"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// crypto/x509 does not know the curve, so this file encodes its keys.

type p256kPrivate struct {
	noEncryption
	key *secp256k1.PrivateKey
}

func generateP256K() (PrivateKey, error) {
	key, err := secp256k1.GeneratePrivateKey()
	return &p256kPrivate{key: key}, err
}

func parseP256K(der []byte) (PrivateKey, error) {
	scalar, point, err := parseScalar(oidP256K, der)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	var number secp256k1.ModNScalar
	if overflow := number.SetByteSlice(scalar); overflow || number.IsZero() {
		return nil, ErrKey
	}
	key := secp256k1.NewPrivateKey(&number)
	number.Zero()
	if len(point) > 0 {
		own := key.PubKey()
		if !matches(point, own.SerializeUncompressed(), own.SerializeCompressed()) {
			return nil, ErrKey
		}
	}
	return &p256kPrivate{key: key}, nil
}

// curveParameters name the curve in an AlgorithmIdentifier.
var curveParameters = func() asn1.RawValue {
	der, err := asn1.Marshal(oidP256K)
	if err != nil {
		panic(err) // It is a constant.
	}
	return asn1.RawValue{FullBytes: der}
}()

var p256kAlgorithm = algorithmIdentifier{Algorithm: oidECPublicKey, Parameters: curveParameters}

func (k *p256kPrivate) PKCS8() ([]byte, error) {
	scalar := k.key.Serialize()
	defer clear(scalar)
	inner, err := asn1.Marshal(ecKey{Version: 1, Scalar: scalar, Public: bitString(k.key.PubKey())})
	if err != nil {
		return nil, err
	}
	defer clear(inner)
	return asn1.Marshal(pkcs8{Algorithm: p256kAlgorithm, Key: inner})
}

func bitString(key *secp256k1.PublicKey) asn1.BitString {
	point := key.SerializeUncompressed()
	return asn1.BitString{Bytes: point, BitLength: 8 * len(point)}
}

func (k *p256kPrivate) Public() PublicKey { return &p256kPublic{key: k.key.PubKey()} }

// Sign makes a signature with the smaller of both values of s, by RFC 6979.
func (k *p256kPrivate) Sign(algorithm string, digest []byte) ([]byte, error) {
	if algorithm != kmsapi.SignECDSA {
		return nil, ErrAlgorithm
	}
	return ecdsa.Sign(k.key, digest).Serialize(), nil
}

func (k *p256kPrivate) Clear() { k.key.Zero() }

type p256kPublic struct {
	noEncryption
	key *secp256k1.PublicKey
}

// spki is a SubjectPublicKeyInfo.
type spki struct {
	Algorithm algorithmIdentifier
	Key       asn1.BitString
}

const uncompressed = 4

func parsePublicP256K(der []byte) (PublicKey, error) {
	var parsed spki
	rest, err := asn1.Unmarshal(der, &parsed)
	if err != nil || len(rest) > 0 || !parsed.Algorithm.Algorithm.Equal(oidECPublicKey) {
		return nil, ErrKey
	}
	if string(parsed.Algorithm.Parameters.FullBytes) != string(curveParameters.FullBytes) {
		return nil, ErrKey
	}
	if parsed.Key.BitLength%8 != 0 || len(parsed.Key.Bytes) == 0 || parsed.Key.Bytes[0] != uncompressed {
		return nil, ErrKey
	}
	key, err := secp256k1.ParsePubKey(parsed.Key.Bytes)
	if err != nil {
		return nil, err
	}
	return &p256kPublic{key: key}, nil
}

func (p *p256kPublic) SPKI() ([]byte, error) {
	return asn1.Marshal(spki{Algorithm: p256kAlgorithm, Key: bitString(p.key)})
}

func (p *p256kPublic) Verify(algorithm string, digest, signature []byte) bool {
	parsed, err := ecdsa.ParseDERSignature(signature)
	return err == nil && algorithm == kmsapi.SignECDSA && parsed.Verify(digest, p.key)
}

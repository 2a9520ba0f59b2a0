package asymmetric

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

type p256kPrivate struct {
	noEncryption
	key *secp256k1.PrivateKey
}

func generateP256K() (PrivateKey, error) {
	key, err := secp256k1.GeneratePrivateKey()
	return &p256kPrivate{key: key}, err
}

func parseP256K(der []byte) (PrivateKey, error) {
	scalar, point, err := curvekey.P256K.ParsePrivate(der)
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
	if !curvekey.Matches(point, key.PubKey().SerializeUncompressed()) {
		return nil, ErrKey
	}
	return &p256kPrivate{key: key}, nil
}

func (k *p256kPrivate) PKCS8() ([]byte, error) {
	scalar := k.key.Serialize()
	defer clear(scalar)
	return curvekey.P256K.Private(scalar, k.key.PubKey().SerializeUncompressed())
}

func (k *p256kPrivate) Public() PublicKey { return &p256kPublic{key: k.key.PubKey()} }

// Sign makes a signature according to RFC 6979, with the smaller of the two possible values of s.
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

func parsePublicP256K(der []byte) (PublicKey, error) {
	point, err := curvekey.P256K.ParsePublic(der)
	if err != nil {
		return nil, err
	}
	key, err := secp256k1.ParsePubKey(point)
	if err != nil {
		return nil, err
	}
	return &p256kPublic{key: key}, nil
}

func (p *p256kPublic) SPKI() ([]byte, error) {
	return curvekey.P256K.Public(p.key.SerializeUncompressed())
}

func (p *p256kPublic) Verify(algorithm string, digest, signature []byte) bool {
	parsed, err := ecdsa.ParseDERSignature(signature)
	return err == nil && algorithm == kmsapi.SignECDSA && parsed.Verify(digest, p.key)
}

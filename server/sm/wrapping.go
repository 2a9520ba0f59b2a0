package sm

import (
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

func init() {
	wrapping.Register(kmsapi.WrappingKeySpecSM2, wrapping.Scheme{
		Generate: func() (wrapping.PrivateKey, error) {
			key, err := sm2key.Generate()
			return wrappingKey{key}, err
		},
		Parse: func(scalar []byte) (wrapping.PrivateKey, error) {
			key, err := sm2key.New(scalar)
			return wrappingKey{key}, err
		},
		ParsePublic: func(spki []byte) (wrapping.PublicKey, error) {
			key, err := sm2key.ParsePublic(spki)
			if err != nil {
				return nil, errors.New("it is not a DER SubjectPublicKeyInfo of a key on SM2, with an uncompressed point")
			}
			return public{key}, nil
		},
	})
}

// wrappingKey is the wrapping key of one import.
type wrappingKey struct{ *sm2key.PrivateKey }

func (k wrappingKey) SPKI() ([]byte, error) { return k.Public().SPKI() }

// DER returns only the private scalar: tokens need no more.
func (k wrappingKey) DER() ([]byte, error) { return k.Scalar(), nil }

// Unwrap undoes [kmsapi.WrapSM2PKE]. Branching on the length of the plaintext leaks nothing: SM2 yields either what a
// holder of the public key encrypted or nothing.
func (k wrappingKey) Unwrap(algorithm string, ciphertext, material []byte) int {
	if algorithm != kmsapi.WrapSM2PKE {
		return 0
	}
	plaintext, ok := k.Decrypt(ciphertext)
	defer clear(plaintext)
	if !ok || len(plaintext) != len(material) {
		return 0
	}
	copy(material, plaintext)
	return 1
}

// UnwrapPrivateKey undoes [kmsapi.WrapSM2KeyPair]. The caller must check that the scalar is a valid key.
func (k wrappingKey) UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool) {
	scalar, ok := k.PrivateKey.UnwrapPrivateKey(ciphertext)
	defer clear(scalar)
	pkcs8, err := curvekey.SM2.Private(scalar, nil)
	return pkcs8, ok && err == nil
}

// Approved returns false: FIPS 140-3 does not approve the curve.
func (public) Approved() bool { return false }

// MaxWrapped returns the length, in bytes, of the longest secret that [kmsapi.WrapSM2PKE] wraps, or 0 for another
// algorithm.
func (p public) MaxWrapped(algorithm string) int { return p.MaxPlaintext(algorithm) }

// Wrap encrypts secret with SM2.
func (p public) Wrap(algorithm string, secret []byte) ([]byte, error) {
	return p.Encrypt(algorithm, secret)
}

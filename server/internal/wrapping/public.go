package wrapping

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxPublicKey bounds the base64 of a public key: RSA_2048 takes 392 characters plus line breaks.
const maxPublicKey = 1024

// ParsePublic parses base64, with or without line breaks, of a DER SubjectPublicKeyInfo of a WrappingKeySpec. It
// refuses keys that can't be used for encryption. Errors show nothing of text.
func ParsePublic(spec, text string) (PublicKey, error) {
	if len(text) > maxPublicKey {
		return nil, fmt.Errorf("it is longer than %d characters", maxPublicKey)
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, errors.New("it is not base64; a PEM file has it without the first and the last line")
	}
	s, ok := schemes[spec]
	if !ok {
		return nil, fmt.Errorf("there is no code for %q", spec)
	}
	return s.ParsePublic(der)
}

type rsaPublic struct{ key *rsa.PublicKey }

// parsePublicRSA refuses a modulus of a size other than [keyBits] or an even one, and an exponent that is even, below 3
// or above 2^31-1.
func parsePublicRSA(spki []byte) (PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(spki)
	key, isRSA := parsed.(*rsa.PublicKey)
	if err != nil || !isRSA || key.N.BitLen() != keyBits {
		return nil, fmt.Errorf("it is not a DER SubjectPublicKeyInfo of an RSA key of %d bits", keyBits)
	}
	if key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 || int64(key.E) > 1<<31-1 {
		return nil, errors.New("its modulus or its exponent is not one of RSA")
	}
	return rsaPublic{key}, nil
}

// Approved reports whether FIPS 140-3 approves the exponent.
func (p rsaPublic) Approved() bool { return p.key.E > 1<<16 }

// Wrap encrypts secret with OAEP, with the hash of algorithm.
func (p rsaPublic) Wrap(algorithm string, secret []byte) ([]byte, error) {
	return rsa.EncryptOAEP(oaepHash(algorithm), rand.Reader, p.key, secret, nil)
}

// MaxWrapped implements [PublicKey], by RFC 8017, 7.1.1.
func (rsaPublic) MaxWrapped(algorithm string) int {
	return keyBits/8 - 2*oaepHash(algorithm).Size() - 2
}

// oaepHash returns the hash for OAEP and its mask generation.
func oaepHash(algorithm string) hash.Hash {
	if algorithm == kmsapi.WrapOAEPSHA1 {
		return sha1.New()
	}
	return sha256.New()
}

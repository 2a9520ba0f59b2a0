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

// Public is an RSA public key of [keyBits] bits that a caller has brought, to wrap a data key with.
type Public struct{ key *rsa.PublicKey }

// maxPublicKey bounds the text of a public key: RSA_2048 takes 392 characters, and some line breaks.
const maxPublicKey = 1024

// ParsePublic parses base64, with or without line breaks, of a DER SubjectPublicKeyInfo. It refuses what can't be
// encrypted with: a modulus of another size or an even one, and an exponent that is even, below 3 or above 2^31-1.
// Errors show nothing of text.
func ParsePublic(text string) (Public, error) {
	if len(text) > maxPublicKey {
		return Public{}, fmt.Errorf("it is longer than %d characters", maxPublicKey)
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return Public{}, errors.New("it is not base64; a PEM file has it without the first and the last line")
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return Public{}, errors.New("it is not a DER SubjectPublicKeyInfo")
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA || key.N.BitLen() != keyBits {
		return Public{}, fmt.Errorf("it is not an RSA key of %d bits", keyBits)
	}
	if key.N.Bit(0) == 0 || key.E < 3 || key.E%2 == 0 || int64(key.E) > 1<<31-1 {
		return Public{}, errors.New("its modulus or its exponent is not one of RSA")
	}
	return Public{key}, nil
}

// Approved reports whether FIPS 140-3 approves the exponent.
func (p Public) Approved() bool { return p.key.E > 1<<16 }

// Wrap encrypts secret with OAEP, whose hash algorithm says. secret must not be longer than [MaxWrapped].
func (p Public) Wrap(algorithm string, secret []byte) ([]byte, error) {
	return rsa.EncryptOAEP(oaepHash(algorithm), rand.Reader, p.key, secret, nil)
}

// MaxWrapped is the most bytes that a [Public] wraps with algorithm (RFC 8017, 7.1.1).
func MaxWrapped(algorithm string) int { return keyBits/8 - 2*oaepHash(algorithm).Size() - 2 }

// oaepHash is the hash of OAEP, and of its mask generation.
func oaepHash(algorithm string) hash.Hash {
	if algorithm == kmsapi.WrapOAEPSHA1 {
		return sha1.New()
	}
	return sha256.New()
}

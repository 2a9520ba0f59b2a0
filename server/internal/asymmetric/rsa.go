package asymmetric

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
	"math/big"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// exponent is the public exponent of every RSA key, imported ones included.
const exponent = 65537

// rsaScheme is the scheme of RSA keys with a modulus of that many bits.
func rsaScheme(bits int) Scheme {
	return Scheme{
		Generate: func() (PrivateKey, error) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			return &rsaPrivate{key}, err
		},
		Parse: func(pkcs8 []byte) (PrivateKey, error) { return parseRSA(bits, pkcs8) },
		ParsePublic: func(spki []byte) (PublicKey, error) {
			parsed, err := x509.ParsePKIXPublicKey(spki)
			key, ok := parsed.(*rsa.PublicKey)
			if err != nil || !ok || key.N.BitLen() != bits || key.E != exponent {
				return nil, ErrKey
			}
			return &rsaPublic{key}, nil
		},
	}
}

func parseRSA(bits int, pkcs8 []byte) (PrivateKey, error) {
	if err := checkPKCS8(pkcs8); err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() != bits || key.E != exponent || len(key.Primes) != 2 {
		return nil, ErrKey
	}
	return &rsaPrivate{key}, nil
}

// checkPKCS8 refuses what crypto/x509 would accept: other versions, and data after the key.
func checkPKCS8(der []byte) error {
	var parsed struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	rest, err := asn1.Unmarshal(der, &parsed)
	clear(parsed.Key)
	if err != nil || len(rest) > 0 || parsed.Version != 0 {
		return ErrKey
	}
	return nil
}

type rsaPrivate struct{ key *rsa.PrivateKey }

func (k *rsaPrivate) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.key) }

func (k *rsaPrivate) Public() PublicKey { return &rsaPublic{&k.key.PublicKey} }

func (k *rsaPrivate) Sign(algorithm string, digest []byte) ([]byte, error) {
	switch algorithm {
	case kmsapi.SignPSS:
		return rsa.SignPSS(rand.Reader, k.key, crypto.SHA256, digest, pssOptions)
	case kmsapi.SignPKCS1v15:
		return rsa.SignPKCS1v15(rand.Reader, k.key, crypto.SHA256, digest)
	default:
		return nil, ErrAlgorithm
	}
}

// pssOptions are the options of the API: the salt is as long as the digest.
var pssOptions = &rsa.PSSOptions{SaltLength: kmsapi.DigestSize}

// oaepHash returns the hash of an encryption algorithm, or nil for any other algorithm.
func oaepHash(algorithm string) hash.Hash {
	switch algorithm {
	case kmsapi.EncryptOAEPSHA256:
		return sha256.New()
	case kmsapi.EncryptOAEPSHA1:
		return sha1.New()
	default:
		return nil
	}
}

func (k *rsaPrivate) Decrypt(algorithm string, ciphertext []byte) ([]byte, bool) {
	h := oaepHash(algorithm)
	if h == nil {
		return nil, false
	}
	whole := len(ciphertext) == k.key.Size() && new(big.Int).SetBytes(ciphertext).Cmp(k.key.N) < 0
	if !whole {
		// crypto/rsa would refuse it at once.
		ciphertext = bytes.Repeat([]byte{1}, k.key.Size())
		ciphertext[0] = 0 // which makes it less than the modulus
	}
	plaintext, err := rsa.DecryptOAEP(h, nil, k.key, ciphertext, nil)
	if err != nil || !whole {
		clear(plaintext)
		return nil, false
	}
	return plaintext, true
}

func (k *rsaPrivate) Clear() {
	clear(k.key.D.Bits())
	for _, prime := range k.key.Primes {
		clear(prime.Bits())
	}
	clear(k.key.Precomputed.Dp.Bits())
	clear(k.key.Precomputed.Dq.Bits())
	clear(k.key.Precomputed.Qinv.Bits())
}

type rsaPublic struct{ key *rsa.PublicKey }

func (p *rsaPublic) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(p.key) }

func (p *rsaPublic) Verify(algorithm string, digest, signature []byte) bool {
	switch algorithm {
	case kmsapi.SignPSS:
		return rsa.VerifyPSS(p.key, crypto.SHA256, digest, signature, pssOptions) == nil
	case kmsapi.SignPKCS1v15:
		return rsa.VerifyPKCS1v15(p.key, crypto.SHA256, digest, signature) == nil
	default:
		return false
	}
}

func (p *rsaPublic) MaxPlaintext(algorithm string) int {
	h := oaepHash(algorithm)
	if h == nil {
		return 0
	}
	return p.key.Size() - 2*h.Size() - 2
}

func (p *rsaPublic) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	h := oaepHash(algorithm)
	if h == nil {
		return nil, ErrAlgorithm
	}
	ciphertext, err := rsa.EncryptOAEP(h, rand.Reader, p.key, plaintext, nil)
	if err != nil {
		return nil, fmt.Errorf("OAEP: %w", err)
	}
	return ciphertext, nil
}

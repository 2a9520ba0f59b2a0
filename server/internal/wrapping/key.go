package wrapping

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
)

// keyBits is what the reference calls RSA_2048 (§4.2).
const keyBits = 2048

// Key is a wrapping key. It is safe for concurrent use, except for Clear.
type Key struct {
	private *rsa.PrivateKey
}

// Generate returns a new key. It takes about 100 ms.
func Generate() (*Key, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	return &Key{private}, nil
}

// ParseKey parses an RSA private key of 2048 bits in PKCS#1 DER, and checks that it is consistent.
func ParseKey(der []byte) (*Key, error) {
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	if private.N.BitLen() != keyBits {
		return nil, fmt.Errorf("wrapping key: it has %d bits, not %d", private.N.BitLen(), keyBits)
	}
	return &Key{private}, nil
}

// PublicDER returns the public half as a DER SubjectPublicKeyInfo.
func (k *Key) PublicDER() ([]byte, error) {
	return x509.MarshalPKIXPublicKey(&k.private.PublicKey)
}

// privateDER returns the private half in PKCS#1 DER, which the caller clears.
func (k *Key) privateDER() []byte { return x509.MarshalPKCS1PrivateKey(k.private) }

// Clear overwrites the private numbers that it can reach; crypto/rsa keeps copies of its own until they are
// garbage-collected. The key must not be used afterwards.
func (k *Key) Clear() {
	clear(k.private.D.Bits())
	for _, prime := range k.private.Primes {
		clear(prime.Bits())
	}
	clear(k.private.Precomputed.Dp.Bits())
	clear(k.private.Precomputed.Dq.Bits())
	clear(k.private.Precomputed.Qinv.Bits())
	k.private = nil
}

// Format prints "[redacted]" for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

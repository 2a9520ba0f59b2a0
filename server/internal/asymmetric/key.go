package asymmetric

import (
	"errors"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The errors of this package. Compare with [errors.Is].
var (
	// ErrKey is for bytes that are not a key of the KeySpec, whatever is wrong with them.
	ErrKey = errors.New("it is not a key of that KeySpec")
	// ErrAlgorithm is for an algorithm that the key does not support.
	ErrAlgorithm = errors.New("the key does not have that algorithm")
)

// Key is a private key. It is safe for concurrent use, except for Clear. It prints as "[redacted]".
type Key struct {
	private PrivateKey
}

// Public is a public key. It is safe for concurrent use.
type Public struct {
	public PublicKey
}

// errNoCode is for a KeySpec that this program does not know, or has no code for.
func errNoCode(spec string) error {
	return fmt.Errorf("%w: this program has no code for KeySpec %q", ErrKey, spec)
}

// Generate makes a key from crypto/rand. RSA takes 0.2 s to 4 s of a processor, depending on the length of the key;
// curves take almost no time.
func Generate(spec string) (*Key, error) {
	s, ok := schemes[spec]
	if !ok {
		return nil, errNoCode(spec)
	}
	key, err := s.Generate()
	if err != nil {
		return nil, fmt.Errorf("key pair: %w", err)
	}
	return &Key{key}, nil
}

// Parse parses PKCS#8 and checks the key: its kind and size, that its numbers are consistent, and that an included
// public key matches. The error is [ErrKey].
func Parse(spec string, pkcs8 []byte) (*Key, error) {
	s, ok := schemes[spec]
	if !ok {
		return nil, errNoCode(spec)
	}
	key, err := s.Parse(pkcs8)
	if err != nil {
		return nil, ErrKey
	}
	return &Key{key}, nil
}

// ParsePublic parses a SubjectPublicKeyInfo. The error is [ErrKey].
func ParsePublic(spec string, spki []byte) (*Public, error) {
	s, ok := schemes[spec]
	if !ok {
		return nil, errNoCode(spec)
	}
	key, err := s.ParsePublic(spki)
	if err != nil {
		return nil, ErrKey
	}
	return &Public{key}, nil
}

// PKCS8 encodes the key. A key has only one encoding, whatever it was parsed from. The caller clears it.
func (k *Key) PKCS8() ([]byte, error) { return k.private.PKCS8() }

// SPKI encodes the public half as a SubjectPublicKeyInfo.
func (k *Key) SPKI() ([]byte, error) { return k.private.Public().SPKI() }

// Sign signs a digest of [kmsapi.DigestSize] bytes.
func (k *Key) Sign(algorithm string, digest []byte) ([]byte, error) {
	if len(digest) != kmsapi.DigestSize {
		return nil, fmt.Errorf("a digest has %d bytes, not %d", kmsapi.DigestSize, len(digest))
	}
	return k.private.Sign(algorithm, digest)
}

// Decrypt returns what was encrypted with the public half; the caller clears it. It takes the same time for any
// ciphertext that does not decrypt.
func (k *Key) Decrypt(algorithm string, ciphertext []byte) (plaintext []byte, ok bool) {
	return k.private.Decrypt(algorithm, ciphertext)
}

// Clear overwrites the private numbers that can be reached; the libraries keep copies until they are garbage-collected.
// The key must not be used afterwards.
func (k *Key) Clear() {
	if k.private != nil {
		k.private.Clear()
		k.private = nil
	}
}

// Format prints "[redacted]" for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Verify reports whether signature is a valid signature of digest. It returns false for malformed input too.
func (p *Public) Verify(algorithm string, digest, signature []byte) bool {
	return len(digest) == kmsapi.DigestSize && p.public.Verify(algorithm, digest, signature)
}

// MaxPlaintext returns the most bytes that Encrypt takes, or 0 if the key does not support the algorithm.
func (p *Public) MaxPlaintext(algorithm string) int { return p.public.MaxPlaintext(algorithm) }

// Encrypt encrypts up to [Public.MaxPlaintext] bytes.
func (p *Public) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	return p.public.Encrypt(algorithm, plaintext)
}

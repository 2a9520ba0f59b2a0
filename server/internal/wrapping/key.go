package wrapping

import (
	"fmt"
	"io"
)

// Key is a wrapping key. It is safe for concurrent use, except for Clear.
type Key struct {
	private PrivateKey
}

// Generate returns a new key of a WrappingKeySpec. RSA takes about 100 ms; SM2 takes almost no time.
func Generate(spec string) (*Key, error) {
	s, ok := schemes[spec]
	if !ok {
		return nil, fmt.Errorf("wrapping key: there is no code for %q", spec)
	}
	private, err := s.Generate()
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	return &Key{private}, nil
}

// ParseKey parses a key of a WrappingKeySpec as tokens hold it: RSA in PKCS#1 DER. It checks that it is consistent.
func ParseKey(spec string, der []byte) (*Key, error) {
	s, ok := schemes[spec]
	if !ok {
		return nil, fmt.Errorf("wrapping key: there is no code for %q", spec)
	}
	private, err := s.Parse(der)
	if err != nil {
		return nil, fmt.Errorf("wrapping key: %w", err)
	}
	return &Key{private}, nil
}

// PublicDER returns the public half as a DER SubjectPublicKeyInfo.
func (k *Key) PublicDER() ([]byte, error) { return k.private.SPKI() }

// Clear overwrites the private numbers that can be reached; the libraries keep copies until they are garbage-collected.
// The key must not be used afterwards.
func (k *Key) Clear() {
	k.private.Clear()
	k.private = nil
}

// Format prints "[redacted]" for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

package keywrap

import (
	"crypto/rsa"
	"errors"
	"fmt"
)

const (
	// leastPair and maxPair bound a private key in PKCS#8, in bytes: on a curve it has about 140, and with 4096 bits of
	// RSA about 2400.
	leastPair = 32
	maxPair   = 4096
)

// ErrUnwrapPair is [ErrUnwrap] for a private key.
var ErrUnwrapPair = errors.New("can't be opened: it must be the base64 of a 256-bit AES key, encrypted by RSA-OAEP " +
	"with this mount's wrapping_key and the hash_function, followed by a private key, wrapped by AES-KWP with that AES key")

// UnwrapPair is [Unwrap] for a private key, whose length differs from key to key. The caller clears it. What it returns
// is what the sender has wrapped, which need not be a private key.
func UnwrapPair(key *rsa.PrivateKey, newHash Hash, ciphertext []byte) ([]byte, error) {
	wrapped := len(ciphertext) - key.Size()
	if wrapped < leastPair+kwpBlock || wrapped > maxPair+kwpBlock || wrapped%kwpBlock != 0 {
		return nil, fmt.Errorf("has %d bytes, once base64 is decoded, which is not the length of a private key that was "+
			"wrapped with this mount's wrapping_key", len(ciphertext))
	}
	private, ok := unwrap(key, newHash, ciphertext)
	if !ok {
		return nil, ErrUnwrapPair
	}
	return private, nil
}

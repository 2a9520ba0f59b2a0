package crypt

import (
	"crypto/hmac"
	"crypto/sha256"
	"io"
)

// FingerprintKey computes the fingerprints by which imported material is recognized after it has been deleted. It is
// wrapped by the root key and survives a change of the root key: without the material, no fingerprint could be computed
// again. It is safe for concurrent use.
type FingerprintKey struct {
	redacted
	key *key
}

// NewFingerprintKey generates a key from random; nil means crypto/rand.
func NewFingerprintKey(random io.Reader) (*FingerprintKey, error) {
	k, err := newRandomKey(&aes256, random)
	if err != nil {
		return nil, err
	}
	return &FingerprintKey{key: k}, nil
}

// DeriveFingerprintKey returns the key that earlier programs, which stored none, derived from the root key.
func (r *RootKey) DeriveFingerprintKey() (*FingerprintKey, error) {
	k, err := r.derive(fingerprintKey)
	if err != nil {
		return nil, err
	}
	return &FingerprintKey{key: k}, nil
}

// Clear overwrites the key. It may be called more than once.
func (f *FingerprintKey) Clear() { f.key.clear() }

// Of returns 32 bytes that identify the material of the record at path. Without the key they reveal nothing, not even
// whether two records had the same material. Compare them with [hmac.Equal].
//
// The result is HMAC-SHA256 of path and the material. No path is a prefix of another, so the boundary between the two
// is unambiguous, whatever the length of the material.
func (f *FingerprintKey) Of(path string, m *Material) ([]byte, error) {
	secret, err := m.key.copy()
	if err != nil {
		return nil, err
	}
	defer secret.clear()
	return f.of(path, secret.bytes())
}

// OfPublicKey is Of for a key pair, which its public key identifies.
func (f *FingerprintKey) OfPublicKey(path string, spki []byte) ([]byte, error) {
	return f.of(path, spki)
}

func (f *FingerprintKey) of(path string, content []byte) ([]byte, error) {
	k, err := f.key.copy()
	if err != nil {
		return nil, err
	}
	defer k.clear()
	h := hmac.New(sha256.New, k.bytes())
	h.Write([]byte(path))
	h.Write(content)
	return h.Sum(nil), nil
}

// WrapFingerprintKey encrypts f for storage in the record at path.
func (r *RootKey) WrapFingerprintKey(path string, f *FingerprintKey) ([]byte, error) {
	return r.wrapKey(path, KindFingerprintKey, f.key)
}

// UnwrapFingerprintKey returns the key that WrapFingerprintKey encrypted, or [ErrOpen]. The caller clears it.
func (r *RootKey) UnwrapFingerprintKey(path string, wrapped []byte) (*FingerprintKey, error) {
	k, err := r.unwrapKey(path, KindFingerprintKey, &aes256, wrapped)
	if err != nil {
		return nil, err
	}
	return &FingerprintKey{key: k}, nil
}

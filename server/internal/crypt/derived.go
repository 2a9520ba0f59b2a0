package crypt

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// The keys derived from the root key, each for one purpose, and the label of what is sealed with one of them.
const (
	tokenKey       = "alicloudkms import token key v1"
	fingerprintKey = "alicloudkms material fingerprint key v1"
	tokenLabel     = "alicloudkms import token v1\x00"

	digestKey = "alicloudkms digest key v1: "
)

// derive returns the key for one purpose: HKDF-SHA256 of the root key, without salt, with purpose as info. The caller
// clears it.
func (r *RootKey) derive(purpose string) (*key, error) {
	secret, err := r.key.copy()
	if err != nil {
		return nil, err
	}
	defer secret.clear()
	derived, err := hkdf.Key(sha256.New, secret.bytes(), nil, purpose, keySize)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	return newKey(&aes256, derived, r.key.random)
}

// SealToken encrypts content that leaves the service and comes back in the same scope. The result is a format byte, 1,
// then nonce, ciphertext and tag, with a key used for nothing else.
func (r *RootKey) SealToken(scope string, content []byte) ([]byte, error) {
	k, err := r.derive(tokenKey)
	if err != nil {
		return nil, err
	}
	defer k.clear()
	return k.seal(tokenLabel, []byte{recordFormat}, content, []byte(scope))
}

// OpenToken returns what SealToken encrypted for scope; the caller clears it. For any other token the error is
// [ErrOpen].
func (r *RootKey) OpenToken(scope string, token []byte) ([]byte, error) {
	k, err := r.derive(tokenKey)
	if err != nil {
		return nil, err
	}
	defer k.clear()
	return k.openRecord(tokenLabel, recordFormat, token, []byte(scope))
}

// NewDigest returns HMAC-SHA256 with a separate key for each purpose. Nodes that have the same root key use it to
// compare values that only they may know, such as their credentials: it reveals nothing to others, even if there are
// few possible values. The digest of nothing is a fingerprint of the root key.
func (r *RootKey) NewDigest(purpose string) (hash.Hash, error) {
	k, err := r.derive(digestKey + purpose)
	if err != nil {
		return nil, err
	}
	defer k.clear()
	secret, err := k.copy()
	if err != nil {
		return nil, err
	}
	defer secret.clear()
	return hmac.New(sha256.New, secret.bytes()), nil
}

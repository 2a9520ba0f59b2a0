package crypt

import (
	"errors"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
)

// The sizes of AES, the cipher of everything except material of another KeySpec. Other ciphers have the same tag size.
const (
	keySize   = xaes.KeySize
	nonceSize = xaes.NonceSize
	tagSize   = xaes.Overhead
)

// The errors of this package, besides [ErrNotLinked], [ErrWrongRootKey] and those about root key files. Compare with
// [errors.Is].
var (
	// ErrOpen is the only error for a blob or wrapped material that does not open, whatever is wrong with it.
	ErrOpen = errors.New("not sealed with this key, or changed since")
	// ErrCleared reports that a key was used after Clear.
	ErrCleared = errors.New("the key has been cleared")
)

// Material is the key of one version of a symmetric CMK: 32 bytes for the KeySpec Aliyun_AES_256, 16 for Aliyun_SM4. It
// is safe for concurrent use, including Clear, which waits for calls in progress; later ones get [ErrCleared].
type Material struct {
	redacted
	key *key
}

// NewMaterial generates a key of a KeySpec from random, which is also the source of nonces; nil means crypto/rand. Any
// other source is for tests, and must be safe for concurrent use: a nonce that is used twice with a key reveals its
// messages. The error is [ErrNotLinked] if the program is built without the cipher.
func NewMaterial(keySpec string, random io.Reader) (*Material, error) {
	s, err := schemeOf(keySpec)
	if err != nil {
		return nil, err
	}
	k, err := newRandomKey(s, random)
	if err != nil {
		return nil, err
	}
	return &Material{key: k}, nil
}

// MaterialFromBytes copies secret, a key of a KeySpec with the length that it requires. The caller clears secret.
// Nonces come from crypto/rand. The error is [ErrNotLinked] if the program is built without the cipher.
func MaterialFromBytes(keySpec string, secret []byte) (*Material, error) {
	s, err := schemeOf(keySpec)
	if err != nil {
		return nil, err
	}
	k, err := newKey(s, secret, nil)
	if err != nil {
		return nil, err
	}
	return &Material{key: k}, nil
}

// Equal reports in constant time whether m and other are the same key. A cleared key does not equal any key, not even
// itself.
func (m *Material) Equal(other *Material) bool { return m.key.equal(other.key) }

// Clear overwrites the key. It may be called more than once.
func (m *Material) Clear() { m.key.clear() }

package crypt

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
)

const (
	keySize   = xaes.KeySize
	nonceSize = xaes.NonceSize
	tagSize   = xaes.Overhead
)

// The errors of this package, besides those that say how to repair a root key file. Compare with [errors.Is].
var (
	// ErrOpen is the only error for a blob or wrapped material that does not open, whatever is wrong with it.
	ErrOpen = errors.New("not sealed with this key, or changed since")
	// ErrCleared reports that a key was used after Clear.
	ErrCleared = errors.New("the key has been cleared")
)

// Material is the 256-bit key of one version of a CMK. It is safe for concurrent use, including Clear, which waits for
// the calls that are running; later ones get [ErrCleared].
type Material struct {
	redacted
	key *key
}

// NewMaterial generates a key from random, from which the nonces of its messages come too; nil means crypto/rand. Any
// other source is for tests, and must be safe for concurrent use: a nonce that is used twice with a key gives its
// messages away.
func NewMaterial(random io.Reader) (*Material, error) {
	k, err := newRandomKey(random)
	if err != nil {
		return nil, err
	}
	return &Material{key: k}, nil
}

// MaterialFromBytes copies secret, a key of 32 bytes, which the caller then clears. Nonces come from crypto/rand.
func MaterialFromBytes(secret []byte) (*Material, error) {
	k, err := newKey(secret, nil)
	if err != nil {
		return nil, err
	}
	return &Material{key: k}, nil
}

// Equal reports in constant time whether m and other are the same key. A cleared key equals none, not even itself.
func (m *Material) Equal(other *Material) bool { return m.key.equal(other.key) }

// Clear overwrites the key. It may be called more than once.
func (m *Material) Clear() { m.key.clear() }

// key is a 256-bit secret and the cipher made of it.
type key struct {
	random io.Reader

	// mu guards the fields below, and is held while they are used: clear waits for what still runs.
	mu sync.RWMutex
	// secret is zero, and cipher nil, once the key has been cleared. Both are pointers because fmt, given a verb that
	// does not fit, looks behind one pointer even in private fields, but never behind two.
	secret *[keySize]byte
	cipher *xaes.Key
}

func newKey(secret []byte, random io.Reader) (*key, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", keySize, len(secret))
	}
	if random == nil {
		random = rand.Reader
	}
	k := &key{random: random, secret: new([keySize]byte)}
	copy(k.secret[:], secret)
	k.cipher = xaes.New(k.secret)
	return k, nil
}

func newRandomKey(random io.Reader) (*key, error) {
	if random == nil {
		random = rand.Reader
	}
	var secret [keySize]byte
	defer clear(secret[:])
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	return newKey(secret[:], random)
}

func (k *key) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cipher == nil {
		return
	}
	clear(k.secret[:])
	k.cipher.Clear()
	k.cipher = nil
}

// equal reports in constant time whether k and other have the same secret. A cleared key equals none, not even itself.
func (k *key) equal(other *key) bool {
	a, err := k.copy()
	if err != nil {
		return false
	}
	defer clear(a[:])
	b, err := other.copy()
	if err != nil {
		return false
	}
	defer clear(b[:])
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// copy returns the secret, which the caller clears.
func (k *key) copy() (secret [keySize]byte, err error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cipher == nil {
		return secret, ErrCleared
	}
	return *k.secret, nil
}

// seal appends to header a random nonce, the ciphertext and its tag. The additional data are label, header, nonce,
// bound: the caller makes sure that label and header together have the same length for a given label.
func (k *key) seal(label string, header, plaintext, bound []byte) ([]byte, error) {
	sealed := make([]byte, len(header)+nonceSize, len(header)+nonceSize+len(plaintext)+tagSize)
	copy(sealed, header)
	nonce := sealed[len(header):]
	if _, err := io.ReadFull(k.random, nonce); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cipher == nil {
		return nil, ErrCleared
	}
	return k.cipher.Seal(sealed, nonce, plaintext, additional(label, sealed, bound)), nil
}

// open undoes seal: sealed begins with headerSize bytes of header. The error is [ErrOpen] or [ErrCleared].
func (k *key) open(label string, sealed []byte, headerSize int, bound []byte) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cipher == nil {
		return nil, ErrCleared
	}
	if len(sealed) < headerSize+nonceSize+tagSize {
		return nil, ErrOpen
	}
	header, ciphertext := sealed[:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	plaintext, err := k.cipher.Open(nil, header[headerSize:], ciphertext, additional(label, header, bound))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

func additional(label string, header, bound []byte) []byte {
	data := make([]byte, 0, len(label)+len(header)+len(bound))
	data = append(data, label...)
	data = append(data, header...)
	return append(data, bound...)
}

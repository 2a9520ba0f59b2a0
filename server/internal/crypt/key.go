package crypt

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"sync"
)

// key is a secret and the cipher made from it.
type key struct {
	scheme *scheme
	random io.Reader

	// mu guards the fields below, and is held while they are used, so that clear waits for calls in progress.
	mu sync.RWMutex
	// secret is zero, and cipher nil, once the key has been cleared. Both are pointers because fmt, given a verb that
	// does not fit, follows one pointer even in private fields, but never two. A shorter secret is padded with zeros.
	secret *[maxKeySize]byte
	cipher Cipher
}

func newKey(s *scheme, secret []byte, random io.Reader) (*key, error) {
	if len(secret) != s.keySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", s.keySize, len(secret))
	}
	if random == nil {
		random = rand.Reader
	}
	k := &key{scheme: s, random: random, secret: new([maxKeySize]byte)}
	copy(k.secret[:], secret)
	k.cipher = s.expand(k.secret)
	return k, nil
}

func newRandomKey(s *scheme, random io.Reader) (*key, error) {
	if random == nil {
		random = rand.Reader
	}
	var secret [maxKeySize]byte
	defer clear(secret[:])
	if _, err := io.ReadFull(random, secret[:s.keySize]); err != nil {
		return nil, fmt.Errorf("no random bytes: %w", err)
	}
	return newKey(s, secret[:s.keySize], random)
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

// equal reports in constant time whether k and other have the same secret. A cleared key does not equal any key, not
// even itself.
func (k *key) equal(other *key) bool {
	a, err := k.copy()
	if err != nil {
		return false
	}
	defer a.clear()
	b, err := other.copy()
	if err != nil {
		return false
	}
	defer b.clear()
	return subtle.ConstantTimeCompare(a.bytes(), b.bytes()) == 1
}

// secretCopy is a copy of a key's secret.
type secretCopy struct {
	room [maxKeySize]byte
	size int
}

func (s *secretCopy) bytes() []byte { return s.room[:s.size] }

func (s *secretCopy) clear() { clear(s.room[:]) }

// copy returns the secret, which the caller clears.
func (k *key) copy() (secret secretCopy, err error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cipher == nil {
		return secret, ErrCleared
	}
	return secretCopy{*k.secret, k.scheme.keySize}, nil
}

// seal appends to header a random nonce, the ciphertext and its tag. The additional data are label, header, nonce and
// bound. For a given label, the caller must always use headers of the same length.
func (k *key) seal(label string, header, plaintext, bound []byte) ([]byte, error) {
	start := len(header) + k.scheme.nonceSize
	sealed := make([]byte, start, start+len(plaintext)+tagSize)
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

// open reverses seal: sealed begins with headerSize bytes of header. The error is [ErrOpen] or [ErrCleared].
func (k *key) open(label string, sealed []byte, headerSize int, bound []byte) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.cipher == nil {
		return nil, ErrCleared
	}
	start := headerSize + k.scheme.nonceSize
	if len(sealed) < start+tagSize {
		return nil, ErrOpen
	}
	header, ciphertext := sealed[:start], sealed[start:]
	plaintext, err := k.cipher.Open(nil, header[headerSize:], ciphertext, additional(label, header, bound))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// openRecord is open for data whose header is one byte, the format.
func (k *key) openRecord(label string, format byte, sealed, bound []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != format {
		return nil, ErrOpen
	}
	return k.open(label, sealed, recordHeader, bound)
}

func additional(label string, header, bound []byte) []byte {
	data := make([]byte, 0, len(label)+len(header)+len(bound))
	data = append(data, label...)
	data = append(data, header...)
	return append(data, bound...)
}

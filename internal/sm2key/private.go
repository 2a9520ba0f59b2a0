package sm2key

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/emmansun/gmsm/sm2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

// ErrKey is the only error for what is not a key. Compare with [errors.Is].
var ErrKey = errors.New("it is not a key on SM2")

// DigestSize is the length of what is signed, in bytes.
const DigestSize = 32

// PrivateKey is a private key. It is safe for concurrent use, except for Clear. It prints as "[redacted]".
type PrivateKey struct {
	key *sm2.PrivateKey
	// scalar is the number of key.
	scalar []byte
	public *PublicKey
}

// Generate makes a key from crypto/rand.
func Generate() (*PrivateKey, error) {
	key, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return newPrivateKey(key), nil
}

// New makes a key from its number, [curvekey.Size] bytes in big-endian order, which must be from 1 to n-2, where n is
// the order of the curve: with n-1 no signature could be made. It copies scalar. The error is [ErrKey].
func New(scalar []byte) (*PrivateKey, error) {
	key, err := sm2.NewPrivateKey(scalar)
	if err != nil {
		return nil, ErrKey
	}
	return newPrivateKey(key), nil
}

func newPrivateKey(key *sm2.PrivateKey) *PrivateKey {
	scalar := key.D.FillBytes(make([]byte, curvekey.Size))
	return &PrivateKey{key: key, scalar: scalar, public: newPublicKey(&key.PublicKey)}
}

// ParsePrivate parses PKCS#8. A public key in it must be its own. The error is [ErrKey].
func ParsePrivate(pkcs8 []byte) (*PrivateKey, error) {
	scalar, point, err := curvekey.SM2.ParsePrivate(pkcs8)
	if err != nil {
		return nil, ErrKey
	}
	defer clear(scalar)
	key, err := New(scalar)
	if err != nil {
		return nil, err
	}
	if !curvekey.Matches(point, key.public.point) {
		key.Clear()
		return nil, ErrKey
	}
	return key, nil
}

// PKCS8 encodes the key, with its public one. A key has one encoding. The caller clears it.
func (k *PrivateKey) PKCS8() ([]byte, error) { return curvekey.SM2.Private(k.scalar, k.public.point) }

// Scalar returns a copy of the number of the key, which the caller clears.
func (k *PrivateKey) Scalar() []byte { return append([]byte(nil), k.scalar...) }

// Public returns the public key.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// Sign signs a digest of [DigestSize] bytes.
func (k *PrivateKey) Sign(digest []byte) ([]byte, error) {
	if len(digest) != DigestSize {
		return nil, fmt.Errorf("a digest has %d bytes, not %d", DigestSize, len(digest))
	}
	return sm2.SignASN1(rand.Reader, k.key, digest, nil)
}

// Clear overwrites the number where it can be reached; the library has copies until they are garbage-collected. The key
// must not be used afterwards.
func (k *PrivateKey) Clear() {
	clear(k.scalar)
	clear(k.key.D.Bits())
}

// Format prints "[redacted]" for every verb.
func (PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

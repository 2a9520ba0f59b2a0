// Package xaes is XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM with nonces of 192 bits, long enough to be
// chosen at random for any practical number of messages under one key.
//
// The first 12 bytes of a nonce and the key give a fresh AES-256 key, by two blocks of CMAC in counter mode; the last
// 12 bytes are the nonce of AES-256-GCM under that key.
//
// GCM does not commit to its key: anyone that chooses two keys can make one ciphertext that opens under both. Where
// that matters, a message carries the [Key.Commitment] of its nonce too.
//
// Unlike the ciphers of the standard library, keys of this package can be erased; see [Key.Clear]. The keys of single
// messages are erased before Seal and Open return.
package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
	"io"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = 24
	// Overhead is how much longer a ciphertext is than its plaintext.
	Overhead = 16
	// CommitmentSize is the size of a key commitment.
	CommitmentSize = 2 * aes.BlockSize

	// halfNonce is the length of both parts of a nonce.
	halfNonce = NonceSize / 2
)

// A Key encrypts any number of messages. It is safe for concurrent use, except for Clear.
type Key struct {
	// block is nil once the key has been cleared, so that using the key panics rather than encrypting with zeros.
	block cipher.Block
	// k1 is CMAC's subkey for whole blocks.
	k1 [aes.BlockSize]byte
}

// New expands key. It keeps no reference to key, which the caller clears.
func New(key *[KeySize]byte) *Key {
	k := expand(key)
	// The processor's registers still hold parts of what was expanded last, and would be written to memory when the
	// thread is interrupted. Expanding a key that is not secret replaces them.
	expand(new([KeySize]byte))
	return k
}

// expand returns a key that is on the heap, because it is not inlined. A stack leaves copies behind when it grows.
//
//go:noinline
func expand(key *[KeySize]byte) *Key {
	k := &Key{block: newAES(key)}
	k.block.Encrypt(k.k1[:], k.k1[:])
	// Double it in GF(2^128), without a branch on its secret top bit.
	carry := byte(0)
	for i := len(k.k1) - 1; i >= 0; i-- {
		k.k1[i], carry = k.k1[i]<<1|carry, k.k1[i]>>7
	}
	k.k1[len(k.k1)-1] ^= carry * 0b10000111
	return k
}

// Seal appends the ciphertext of plaintext and its tag to dst, like [cipher.AEAD]. It panics unless nonce has
// [NonceSize] bytes.
func (k *Key) Seal(dst, nonce, plaintext, additional []byte) []byte {
	g := k.Derive(nonce)
	defer g.Clear()
	return g.Seal(dst, nonce[halfNonce:], plaintext, additional)
}

// Open appends the plaintext of ciphertext to dst, like [cipher.AEAD]. The only error is that nonce, ciphertext and
// additional are not what Seal was given and returned. It panics unless nonce has [NonceSize] bytes.
func (k *Key) Open(dst, nonce, ciphertext, additional []byte) ([]byte, error) {
	g := k.Derive(nonce)
	defer g.Clear()
	return g.Open(dst, nonce[halfNonce:], ciphertext, additional)
}

// Commitment returns what only this key gives for nonce: the commitment of KC-XAES-256-GCM
// (https://eprint.iacr.org/2025/758). It is no secret. To compare it, use [subtle.ConstantTimeCompare], before Open. It
// panics unless nonce has [NonceSize] bytes.
func (k *Key) Commitment(nonce []byte) (c [CommitmentSize]byte) {
	if len(nonce) != NonceSize {
		panic("xaes: incorrect nonce length")
	}
	var x [aes.BlockSize]byte
	copy(x[:], "XCMT")
	copy(x[4:], nonce[:halfNonce])
	k.block.Encrypt(x[:], x[:])
	for i, half := range [][]byte{c[:aes.BlockSize], c[aes.BlockSize:]} {
		copy(half, nonce[halfNonce:])
		copy(half[halfNonce:], []byte{0, 1, 0, byte(i + 1)})
		subtle.XORBytes(half, half, x[:])
		subtle.XORBytes(half, half, k.k1[:])
		k.block.Encrypt(half, half)
	}
	return c
}

// Derive returns the cipher of the messages whose nonces begin like nonce. The caller clears it, and chooses the nonces
// of AES-256-GCM so that none is used twice: it is for messages in several parts.
func (k *Key) Derive(nonce []byte) GCM {
	// It is on the heap, because Encrypt is of an interface.
	key := new([KeySize]byte)
	defer clear(key[:])
	for i, half := range [][]byte{key[:aes.BlockSize], key[aes.BlockSize:]} {
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce[:halfNonce])
		subtle.XORBytes(half, half, k.k1[:])
		k.block.Encrypt(half, half)
	}
	return NewGCM(key)
}

// Format prints "[redacted]" for every verb, so that no log shows the subkey.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Clear erases the key. It must not run at the same time as Seal or Open, and both panic afterwards. It may be called
// more than once.
func (k *Key) Clear() {
	if k.block == nil {
		return
	}
	wipe(k.block)
	k.block = nil
	clear(k.k1[:])
}

// Package sm4gcm is SM4-GCM (RFC 8998) with a random salt of 128 bits in place of its nonce of 96, which is too short
// to be chosen at random for every message of a key. With it the number of messages is practically unlimited: after
// 2^48 the risk that two of them had the same salt is 2^-32.
//
// The salt and the key give a fresh SM4 key and nonce for each message, K(1) and the first 12 bytes of K(2), where
//
//	K(i) = CMAC-SM4(key, i as 4 bytes, big-endian || "alicloudkms" || 00 || salt)
//
// That is the KDF in counter mode of NIST SP 800-108, with CMAC (GB/T 15821.1, NIST SP 800-38B) on SM4 as its PRF, the
// label "alicloudkms", the salt as context, the counter in front, and no length at the end. OpenSSL's KBKDF gives the
// same 28 bytes.
//
// SM4 is gmsm's, whose assembly is constant-time on processors with AES or SM4 instructions; elsewhere it looks up
// tables by secret bytes. One block of each message, the mask of its tag, is encrypted with tables even where there are
// AES instructions: it is the only one, and under the key of that message. Neither gmsm nor this package is certified.
//
// Like those of package xaes, keys can be erased, and the keys of single messages are erased before Seal and Open
// return. Their expanded forms are gmsm's; see [Key.Clear].
package sm4gcm

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"

	smcipher "github.com/emmansun/gmsm/cipher"
	"github.com/emmansun/gmsm/sm4"
)

// Sizes in bytes.
const (
	KeySize  = 16
	SaltSize = 16
	// Overhead is how much longer a ciphertext is than its plaintext.
	Overhead = 16

	nonceSize = 12
	blockSize = sm4.BlockSize
	// label fills the first block of CMAC's messages, with the counter in front and a zero byte behind.
	label = "alicloudkms"
)

// A Key encrypts any number of messages. It is safe for concurrent use, except for Clear.
type Key struct {
	// block is nil once the key has been cleared, so that using the key panics rather than encrypting with zeros.
	block cipher.Block
	// prefixes are CMAC's state after the first block of both messages, which no message changes, with its subkey for
	// whole blocks added to it.
	prefixes [2 * blockSize]byte
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
	k := &Key{block: newSM4(key)}
	blocks := new([3 * blockSize]byte) // It is on the heap too.
	defer clear(blocks[:])
	subkey, firsts := blocks[:blockSize], blocks[blockSize:]
	for i := range 2 {
		first := firsts[i*blockSize:]
		binary.BigEndian.PutUint32(first, uint32(i+1))
		copy(first[4:], label)
	}
	encryptBlocks(k.block, blocks[:])
	double(subkey)
	for i := range 2 {
		at := i * blockSize
		subtle.XORBytes(k.prefixes[at:], firsts[at:at+blockSize], subkey)
	}
	return k
}

// double multiplies by x in GF(2^128), without a branch on the secret top bit.
func double(block []byte) {
	carry := byte(0)
	for i := len(block) - 1; i >= 0; i-- {
		block[i], carry = block[i]<<1|carry, block[i]>>7
	}
	block[len(block)-1] ^= carry * 0b10000111
}

// Seal appends the ciphertext of plaintext and its tag to dst, like [cipher.AEAD]. It panics unless salt has [SaltSize]
// bytes.
func (k *Key) Seal(dst, salt, plaintext, additional []byte) []byte {
	m := k.derive(salt)
	defer m.clear()
	return m.aead.Seal(dst, m.nonce(), plaintext, additional)
}

// Open appends the plaintext of ciphertext to dst, like [cipher.AEAD]. The only error is that salt, ciphertext and
// additional are not what Seal was given and returned. It panics unless salt has [SaltSize] bytes.
func (k *Key) Open(dst, salt, ciphertext, additional []byte) ([]byte, error) {
	m := k.derive(salt)
	defer m.clear()
	return m.aead.Open(dst, m.nonce(), ciphertext, additional)
}

// message is the cipher of one message.
type message struct {
	block cipher.Block
	aead  cipher.AEAD
	// derived are the key of the message, the nonce, and bytes that are not used.
	derived *[2 * blockSize]byte
}

func (m message) nonce() []byte { return m.derived[KeySize : KeySize+nonceSize] }

func (m message) clear() {
	wipe(m.aead)
	wipe(m.block)
	clear(m.derived[:])
}

// derive computes both blocks of the KDF at once, so that they take the constant-time path.
func (k *Key) derive(salt []byte) message {
	if len(salt) != SaltSize {
		panic("sm4gcm: incorrect salt length")
	}
	derived := k.prefixes
	m := message{derived: &derived}
	for at := 0; at < len(derived); at += blockSize {
		subtle.XORBytes(derived[at:], derived[at:at+blockSize], salt)
	}
	encryptBlocks(k.block, derived[:])
	m.block = newSM4((*[KeySize]byte)(derived[:]))
	m.aead = newGCM(m.block)
	return m
}

func newSM4(key *[KeySize]byte) cipher.Block {
	block, err := sm4.NewCipher(key[:])
	if err != nil {
		panic("sm4gcm: internal error: " + err.Error())
	}
	return block
}

func newGCM(block cipher.Block) cipher.AEAD {
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("sm4gcm: internal error: " + err.Error())
	}
	return aead
}

// encryptBlocks encrypts whole blocks in place, each on its own. Unlike the Encrypt of a single block, it uses no
// tables where the processor has something better.
func encryptBlocks(block cipher.Block, blocks []byte) {
	smcipher.NewECBEncrypter(block).CryptBlocks(blocks, blocks)
}

// Format prints "[redacted]" for every verb, so that no log shows the key.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// Clear erases the key, with its expanded form. It must not run at the same time as Seal or Open, and both panic
// afterwards. It may be called more than once.
func (k *Key) Clear() {
	if k.block == nil {
		return
	}
	wipe(k.block)
	k.block = nil
	clear(k.prefixes[:])
}

// wipe overwrites with zeros the object that expanded points to: gmsm's [cipher.Block], or the [cipher.AEAD] made of
// one, which holds the multiples of the hash key and a pointer to the block. gmsm has no call for it and exports
// neither type, so it takes reflection. TestWipeReachesAllThatGmsmKeepsOfAKey fails if a release of gmsm keeps more.
func wipe(expanded any) { reflect.ValueOf(expanded).Elem().SetZero() }

package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
)

const (
	keySize   = 32
	nonceSize = 24
	tagSize   = 16
)

// xaes is XAES-256-GCM (https://c2sp.org/XAES-256-GCM). The first 12 bytes of a nonce and the key give a fresh AES-256 key,
// by two blocks of CMAC in counter mode; the last 12 bytes are the nonce of AES-256-GCM under that key.
type xaes struct {
	block cipher.Block
	// k1 is CMAC's subkey for whole blocks.
	k1 [aes.BlockSize]byte
}

func newXAES(key *[keySize]byte) *xaes {
	x := &xaes{block: newAES(key[:])}
	x.block.Encrypt(x.k1[:], x.k1[:])
	// Double it in GF(2^128), without a branch on its secret top bit.
	carry := byte(0)
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[len(x.k1)-1] ^= carry * 0b10000111
	return x
}

// message returns the cipher and the nonce for one message.
func (x *xaes) message(nonce []byte) (cipher.AEAD, []byte) {
	var key [keySize]byte
	defer clear(key[:])
	for i, half := range [][]byte{key[:aes.BlockSize], key[aes.BlockSize:]} {
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce[:12])
		subtle.XORBytes(half, half, x.k1[:])
		x.block.Encrypt(half, half)
	}
	return NewGCM(key[:]), nonce[12:nonceSize]
}

// NewGCM returns AES-256-GCM with nonces of 96 bits and tags of 128, which a message is encrypted with under a key of its
// own. Outside this package it is for test vectors only: nothing keeps a nonce from coming twice.
func NewGCM(key []byte) cipher.AEAD {
	aead, err := cipher.NewGCM(newAES(key))
	if err != nil {
		panic("crypt: internal error: " + err.Error())
	}
	return aead
}

// seal appends ciphertext and tag to dst.
func (x *xaes) seal(dst, nonce, plaintext, additional []byte) []byte {
	aead, rest := x.message(nonce)
	return aead.Seal(dst, rest, plaintext, additional)
}

// open returns the plaintext of ciphertext and tag. There is one reason for it to fail, so false is all it says.
func (x *xaes) open(nonce, ciphertext, additional []byte) ([]byte, bool) {
	aead, rest := x.message(nonce)
	plaintext, err := aead.Open(nil, rest, ciphertext, additional)
	return plaintext, err == nil
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("crypt: internal error: " + err.Error())
	}
	return block
}

package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"reflect"
)

// A GCM is AES-256-GCM with nonces of 96 bits and tags of 128, under a key that can be erased.
type GCM struct {
	cipher.AEAD
	block cipher.Block
}

// NewGCM expands key, which the caller clears. Outside this package it is for test vectors only: nothing keeps a nonce
// from being used twice.
func NewGCM(key *[KeySize]byte) GCM {
	block := newAES(key)
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("xaes: internal error: " + err.Error())
	}
	return GCM{AEAD: aead, block: block}
}

// Clear erases the key. Using g afterwards panics, because an erased cipher accepts no nonce.
func (g GCM) Clear() {
	wipe(g.AEAD)
	wipe(g.block)
}

func newAES(key *[KeySize]byte) cipher.Block {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("xaes: internal error: " + err.Error())
	}
	return block
}

// wipe overwrites with zeros the object that expanded points to: the [cipher.Block] of aes.NewCipher, or the
// [cipher.AEAD] that cipher.NewGCM made of one. Go has no call for it and exports neither type, so it takes reflection.
//
// Zeroing the object is enough as long as the object holds everything that Go keeps of the key, in arrays and not
// behind another pointer. That is so on amd64 and arm64: an *aes.Block holds both key schedules, and a *gcm.GCM holds a
// copy of the Block and the multiples of the hash key, which is why both are wiped. TestWipeReachesAllThatGoKeepsOfAKey
// fails if a release of Go changes that.
//
// Some copies are out of reach, and last until something else overwrites them: what vector registers hold of the key
// of the message that a thread handled last, and single round keys of others, with the copies that the kernel and Go's
// runtime save when they interrupt a thread or switch goroutines; on amd64, the first 16 bytes of a message's key on
// the stack of Go's GCM, which keeps their sum with counters; and, on processors without AES instructions, the hash key
// on the stack of Go's generic GHASH.
func wipe(expanded any) { reflect.ValueOf(expanded).Elem().SetZero() }

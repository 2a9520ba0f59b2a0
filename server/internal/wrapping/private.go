package wrapping

import (
	"crypto/aes"
	"crypto/subtle"
	"slices"
)

const (
	// ephemeralSize is the length of the key that a private key is encrypted with.
	ephemeralSize = 32
	// maxPrivateKey is more than the PKCS#8 of RSA_4096 takes, including padding.
	maxPrivateKey = 8 << 10
)

// UnwrapPrivateKey decrypts a private key, which was encrypted with the public half of k by [kmsapi.WrapKeyPair] or, if
// k is an SM2 key, by [kmsapi.WrapSM2KeyPair]. The caller clears it. The encryption is not authenticated, so even if ok
// is true the result may be anything. If ok is false, the result is garbage or nil. Nothing shows how far the
// decryption got: the last step is taken even if the one before it has failed.
//
// A ciphertext with two equal blocks is refused. Both algorithms end with ECB, so an attacker that has seen the wrapped
// key could copy a block over another, and import a private number of which only 128 bits are unknown: its public key
// reveals them after 2^64 steps. The blocks of a real key differ.
func (k *Key) UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool) {
	pkcs8, ok = k.private.UnwrapPrivateKey(ciphertext)
	return pkcs8, ok && !repeats(ciphertext)
}

// repeats reports whether two blocks are equal. Blocks are aligned to the end, where the ECB part is; before it is a
// ciphertext of RSA or SM2, which is random.
func repeats(ciphertext []byte) bool {
	seen := map[string]bool{}
	for block := range slices.Chunk(ciphertext[len(ciphertext)%aes.BlockSize:], aes.BlockSize) {
		if seen[string(block)] {
			return true
		}
		seen[string(block)] = true
	}
	return false
}

// decryptECB reverses AES-256-ECB with PKCS#7 padding. If ok is false, the result is garbage or nil.
func decryptECB(key, ciphertext []byte) (plaintext []byte, ok bool) {
	if len(ciphertext)%aes.BlockSize != 0 {
		return nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	padded := make([]byte, len(ciphertext))
	for at := 0; at < len(padded); at += aes.BlockSize {
		block.Decrypt(padded[at:], ciphertext[at:])
	}
	length, ok := padding(padded[len(padded)-aes.BlockSize:])
	return padded[:len(padded)-length], ok
}

// padding returns the length of the PKCS#7 padding in the last block, or 0 if the padding is invalid. It takes the same
// time for any block.
func padding(last []byte) (length int, ok bool) {
	n := int(last[len(last)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, len(last))
	for i, b := range last {
		inside := subtle.ConstantTimeLessOrEq(len(last)-i, n)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(b, byte(n)), 1)
	}
	return subtle.ConstantTimeSelect(good, n, 0), good == 1
}

package wrapping

import (
	"crypto/aes"
	"crypto/subtle"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// ephemeralSize is the length of the key that a private key is encrypted with.
	ephemeralSize = 32
	// maxPrivateKey is more than the PKCS#8 of RSA_4096 takes, with its padding.
	maxPrivateKey = 8 << 10
)

// UnwrapPrivateKey decrypts a private key, which was encrypted with the public half of k by [kmsapi.WrapKeyPair]. The
// caller clears it. What it was encrypted with is not authenticated, so even if ok is true the result may be anything.
// If ok is false, the result is garbage or nil. There is no sign of how far ciphertext was right: the padding is looked
// at even if the key before it was wrong.
func (k *Key) UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool) {
	size := k.private.Size()
	if len(ciphertext) <= size || len(ciphertext) > size+maxPrivateKey || (len(ciphertext)-size)%aes.BlockSize != 0 {
		return nil, false
	}
	ephemeral, intact := k.Unwrap(kmsapi.WrapOAEPSHA256, ciphertext[:size], ephemeralSize)
	defer clear(ephemeral)
	block, err := aes.NewCipher(ephemeral)
	if err != nil {
		return nil, false
	}
	padded := make([]byte, len(ciphertext)-size)
	for at := 0; at < len(padded); at += aes.BlockSize {
		block.Decrypt(padded[at:], ciphertext[size+at:])
	}
	length, unpadded := padding(padded[len(padded)-aes.BlockSize:])
	return padded[:len(padded)-length], intact && unpadded
}

// padding returns the length of the PKCS#7 padding in the last block, and takes the same time for any block. If there
// is none, it is 0.
func padding(last []byte) (length int, ok bool) {
	n := int(last[len(last)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, len(last))
	for i, b := range last {
		inside := subtle.ConstantTimeLessOrEq(len(last)-i, n)
		good &= subtle.ConstantTimeSelect(inside, subtle.ConstantTimeByteEq(b, byte(n)), 1)
	}
	return subtle.ConstantTimeSelect(good, n, 0), good == 1
}

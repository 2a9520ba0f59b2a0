package envelope

import (
	"crypto/aes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestACiphertextUnderTwoKeysOpensUnderTheCommittedOne builds what GCM alone accepts: a ciphertext with one tag that
// opens under two data keys. With the commitment it opens under only one of them.
func TestACiphertextUnderTwoKeysOpensUnderTheCommittedOne(t *testing.T) {
	secrets := [][]byte{slices.Repeat([]byte{1}, KeySize), slices.Repeat([]byte{2}, KeySize)}
	nonce := slices.Repeat([]byte{7}, 24)
	header := exampleHeader.append(nil, messageFlags)
	additional := additionalData(messageLabel, header, nil)

	// A ciphertext of one block c has the tag F(c=0) ⊕ c·H². Both tags are equal for one c.
	var tags, squares [2][16]byte
	for i, secret := range secrets {
		key := derivedKey(secret, nonce)
		keyStream := block(key, concat(nonce[12:], []byte{0, 0, 0, 2}))
		copy(tags[i][:], gcm(key).Seal(nil, nonce[12:], keyStream, additional)[16:])
		h := [16]byte(block(key, make([]byte, 16)))
		squares[i] = multiply(h, h)
	}
	c := multiply([16]byte(xor(tags[0][:], tags[1][:])), inverse([16]byte(xor(squares[0][:], squares[1][:]))))
	product := multiply(c, squares[0])
	sealed := concat(c[:], xor(tags[0][:], product[:]))
	for _, secret := range secrets {
		_, err := gcm(derivedKey(secret, nonce)).Open(nil, nonce[12:], sealed, additional)
		require.NoError(t, err, "GCM alone must accept it, or the test shows nothing")
	}

	for i := range secrets {
		message := concat(header, nonce, commitmentOf(secrets[i], nonce), sealed)
		_, err := open(NewKey((*[KeySize]byte)(secrets[i])), message, nil)
		require.NoError(t, err)
		_, err = open(NewKey((*[KeySize]byte)(secrets[1-i])), message, nil)
		require.ErrorIs(t, err, ErrOpen)
	}
}

// multiply multiplies in GCM's field: bit 0 is the top bit of byte 0.
func multiply(x, y [aes.BlockSize]byte) (z [aes.BlockSize]byte) {
	for i := range 128 {
		if x[i/8]>>(7-i%8)&1 == 1 {
			copy(z[:], xor(z[:], y[:]))
		}
		carry := y[15] & 1
		for j := 15; j > 0; j-- {
			y[j] = y[j]>>1 | y[j-1]<<7
		}
		y[0] >>= 1
		y[0] ^= carry * 0xe1
	}
	return z
}

// inverse is x to the power of 2¹²⁸-2.
func inverse(x [aes.BlockSize]byte) [aes.BlockSize]byte {
	z := [aes.BlockSize]byte{0x80}
	for range 127 {
		x = multiply(x, x)
		z = multiply(z, x)
	}
	return z
}

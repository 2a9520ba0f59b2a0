package crypt

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestXAESVectors are the two vectors of C2SP, one for either value of the top bit that decides how CMAC's subkey is made.
func TestXAESVectors(t *testing.T) {
	for name, test := range map[string]struct {
		key        byte
		additional string
		want       string
	}{
		"the subkey's top bit is clear": {0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		"the subkey's top bit is set":   {0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		t.Run(name, func(t *testing.T) {
			x := newXAES((*[keySize]byte)(bytes.Repeat([]byte{test.key}, keySize)))
			nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
			ciphertext := x.seal(nil, nonce, []byte("XAES-256-GCM"), []byte(test.additional))
			require.Equal(t, test.want, hex.EncodeToString(ciphertext))

			plaintext, ok := x.open(nonce, ciphertext, []byte(test.additional))
			require.True(t, ok)
			require.Equal(t, "XAES-256-GCM", string(plaintext))
			ciphertext[0] ^= 1
			_, ok = x.open(nonce, ciphertext, []byte(test.additional))
			require.False(t, ok)
		})
	}
}

// TestXAESAccumulated is C2SP's accumulated vector: random inputs from SHAKE128, and the hash of all ciphertexts.
func TestXAESAccumulated(t *testing.T) {
	for name, test := range map[string]struct {
		iterations int
		long       bool
		want       string
	}{
		"10,000 messages":    {10_000, false, "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"},
		"1,000,000 messages": {1_000_000, true, "2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.long && testing.Short() {
				t.Skip("takes some seconds; 10,000 messages are always run")
			}
			require.Equal(t, test.want, accumulate(t, test.iterations))
		})
	}
}

func accumulate(t *testing.T, iterations int) string {
	source, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = source.Read(b)
		return b
	}
	for range iterations {
		x := newXAES((*[keySize]byte)(read(keySize)))
		nonce := read(nonceSize)
		plaintext := read(int(read(1)[0]))
		additional := read(int(read(1)[0]))
		ciphertext := x.seal(nil, nonce, plaintext, additional)
		opened, ok := x.open(nonce, ciphertext, additional)
		if !ok || !bytes.Equal(opened, plaintext) {
			t.Fatal("a ciphertext does not open")
		}
		_, _ = sum.Write(ciphertext)
	}
	out := make([]byte, 32)
	_, _ = sum.Read(out)
	return hex.EncodeToString(out)
}

package xaes

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// vectors are the two of C2SP, one for each value of the top bit that decides how CMAC's subkey is made.
var vectors = map[string]struct {
	key                        byte
	additional                 string
	k1, messageKey, ciphertext string
}{
	"the subkey's top bit is clear": {
		key:        0x01,
		k1:         "e531954aca063d5b8d9c47a47d4cc6f0",
		messageKey: "c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b",
		ciphertext: "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271",
	},
	"the subkey's top bit is set": {
		key:        0x03,
		additional: "c2sp.org/XAES-256-GCM",
		k1:         "23810ec50edb99f374409466ed1f4b7b",
		messageKey: "e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8",
		ciphertext: "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
	},
}

// The nonce and the plaintext of both vectors.
var (
	vectorNonce     = []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
	vectorPlaintext = []byte("XAES-256-GCM")
)

func TestPublishedVectors(t *testing.T) {
	for name, v := range vectors {
		t.Run(name, func(t *testing.T) {
			k := New((*[KeySize]byte)(bytes.Repeat([]byte{v.key}, KeySize)))
			require.Equal(t, v.k1, hex.EncodeToString(k.k1[:]))
			messageKey := NewGCM((*[KeySize]byte)(decode(t, v.messageKey)))
			require.Equal(t, messageKey, k.Derive(vectorNonce))

			ciphertext := k.Seal(nil, vectorNonce, vectorPlaintext, []byte(v.additional))
			require.Equal(t, v.ciphertext, hex.EncodeToString(ciphertext))
			plaintext, err := k.Open(nil, vectorNonce, ciphertext, []byte(v.additional))
			require.NoError(t, err)
			require.Equal(t, vectorPlaintext, plaintext)
		})
	}
}

func decode(t *testing.T, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(digits)
	require.NoError(t, err)
	return b
}

// TestAccumulatedVectors are C2SP's too: random inputs from SHAKE128, and the hash of all ciphertexts.
func TestAccumulatedVectors(t *testing.T) {
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
				t.Skip("takes several seconds; 10,000 messages are always run")
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
		k := New((*[KeySize]byte)(read(KeySize)))
		nonce := read(NonceSize)
		plaintext := read(int(read(1)[0]))
		additional := read(int(read(1)[0]))
		ciphertext := k.Seal(nil, nonce, plaintext, additional)
		opened, err := k.Open(nil, nonce, ciphertext, additional)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatal("a ciphertext does not open")
		}
		_, _ = sum.Write(ciphertext)
	}
	out := make([]byte, 32)
	_, _ = sum.Read(out)
	return hex.EncodeToString(out)
}

func TestNothingOpensButWhatWasSealed(t *testing.T) {
	k := New(&[KeySize]byte{1})
	additional := []byte("additional")
	ciphertext := k.Seal(nil, vectorNonce, vectorPlaintext, additional)
	opens := func(nonce, ciphertext, additional []byte) bool {
		plaintext, err := k.Open(nil, nonce, ciphertext, additional)
		require.Equal(t, err == nil, plaintext != nil)
		return err == nil
	}
	require.True(t, opens(vectorNonce, ciphertext, additional))
	for _, nonce := range withOneBitFlipped(vectorNonce) {
		require.False(t, opens(nonce, ciphertext, additional))
	}
	for _, changed := range withOneBitFlipped(ciphertext) {
		require.False(t, opens(vectorNonce, changed, additional))
	}
	for _, changed := range withOneBitFlipped(additional) {
		require.False(t, opens(vectorNonce, ciphertext, changed))
	}
	_, err := New(&[KeySize]byte{2}).Open(nil, vectorNonce, ciphertext, additional)
	require.Error(t, err, "another key")
}

// withOneBitFlipped returns a copy of b for each of its bits.
func withOneBitFlipped(b []byte) [][]byte {
	var changed [][]byte
	for bit := range 8 * len(b) {
		c := bytes.Clone(b)
		c[bit/8] ^= 1 << (bit % 8)
		changed = append(changed, c)
	}
	return changed
}

func TestSealAndOpenAppend(t *testing.T) {
	k := New(&[KeySize]byte{1})
	sealed := k.Seal([]byte("header"), vectorNonce, vectorPlaintext, nil)
	require.Equal(t, "header", string(sealed[:6]))
	require.Len(t, sealed, 6+len(vectorPlaintext)+Overhead)
	opened, err := k.Open([]byte("before "), vectorNonce, sealed[6:], nil)
	require.NoError(t, err)
	require.Equal(t, "before XAES-256-GCM", string(opened))
}

func TestNoncesOfAnotherLengthPanic(t *testing.T) {
	k := New(&[KeySize]byte{1})
	for _, n := range []int{0, 12, 23, 25, 32} {
		require.Panics(t, func() { k.Seal(nil, make([]byte, n), nil, nil) }, "%d bytes", n)
		require.Panics(t, func() { k.Commitment(make([]byte, n)) }, "%d bytes", n)
		require.Panics(t, func() { _, _ = k.Open(nil, make([]byte, n), make([]byte, Overhead), nil) }, "%d bytes", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	k := New(&[KeySize]byte{1})
	plaintext, sealed := make([]byte, 64), make([]byte, 0, 64+Overhead)
	b.ReportAllocs()
	for b.Loop() {
		k.Seal(sealed, vectorNonce, plaintext, nil)
	}
}

func BenchmarkNewAndClear(b *testing.B) {
	key := &[KeySize]byte{1}
	b.ReportAllocs()
	for b.Loop() {
		New(key).Clear()
	}
}

package sm4gcm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/emmansun/gmsm/cbcmac"
	"github.com/stretchr/testify/require"
)

// exampleKey is the key of the vectors of GB/T 32907 and RFC 8998.
var exampleKey = (*[KeySize]byte)(decode("0123456789abcdeffedcba9876543210"))

var (
	exampleSalt       = decode("000102030405060708090a0b0c0d0e0f")
	examplePlaintext  = []byte("plaintext")
	exampleAdditional = []byte("additional data")
	exampleSealed     = decode("012acaef3b31a79e65de21afe0ed88949f2934bc3baeeaaec8")
)

func decode(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return b
}

func TestTheDerivationIsThatOfOpenSSL(t *testing.T) {
	// openssl kdf -keylen 28 -kdfopt mac:CMAC -kdfopt cipher:SM4-CBC -kdfopt hexkey:... -kdfopt salt:alicloudkms \
	//   -kdfopt hexinfo:... -kdfopt use-l:0 KBKDF
	const want = "71a5374888c6215180ce4cefb059c4ee786ab1e4813902cd0b2be01e"
	m := New(exampleKey).derive(exampleSalt)
	require.Equal(t, want, hex.EncodeToString(m.derived[:KeySize+nonceSize]))
	require.Equal(t, want[2*KeySize:], hex.EncodeToString(m.nonce()))
	require.Equal(t, newSM4((*[KeySize]byte)(decode(want[:2*KeySize]))), m.block)
}

// TestTheDerivationIsCMAC compares with another implementation of CMAC, for keys whose subkey has either top bit.
func TestTheDerivationIsCMAC(t *testing.T) {
	for fill := range 16 {
		key := (*[KeySize]byte)(bytes.Repeat([]byte{byte(fill)}, KeySize))
		mac := func(counter byte) []byte {
			message := append([]byte{0, 0, 0, counter}, "alicloudkms\x00"...)
			return cbcmac.NewCMAC(newSM4(key), blockSize).MAC(append(message, exampleSalt...))
		}
		want := append(mac(1), mac(2)...)
		require.Equal(t, want, New(key).derive(exampleSalt).derived[:])
	}
}

// The ciphertexts are of OpenSSL 4.0's SM4-GCM, with the key and nonce that its KDF gives.
func TestMessagesAreThoseOfOpenSSL(t *testing.T) {
	k := New(exampleKey)
	require.Equal(t, exampleSealed, k.Seal(nil, exampleSalt, examplePlaintext, exampleAdditional))
	require.Equal(t, decode("3a0e1381c425ddc6f3890b52bc252e3b"), k.Seal(nil, exampleSalt, nil, nil))

	long := make([]byte, 8190)
	for i := range long {
		long[i] = byte(i)
	}
	additional := bytes.Repeat([]byte("x"), 37)
	sealed := k.Seal(nil, exampleSalt, long, additional)
	sum := sha256.Sum256(sealed)
	require.Equal(t, "d15a1d7a9b4a0ab174e675ac5aba0e9eedd0c9297836f7a09fc762f227cc58e3", hex.EncodeToString(sum[:]))
	opened, err := k.Open(nil, exampleSalt, sealed, additional)
	require.NoError(t, err)
	require.Equal(t, long, opened)
}

func TestNothingOpensButWhatWasSealed(t *testing.T) {
	k := New(exampleKey)
	opens := func(salt, ciphertext, additional []byte) bool {
		plaintext, err := k.Open(nil, salt, ciphertext, additional)
		require.Equal(t, err == nil, plaintext != nil)
		return err == nil
	}
	require.True(t, opens(exampleSalt, exampleSealed, exampleAdditional))
	for _, salt := range withOneBitFlipped(exampleSalt) {
		require.False(t, opens(salt, exampleSealed, exampleAdditional))
	}
	for _, changed := range withOneBitFlipped(exampleSealed) {
		require.False(t, opens(exampleSalt, changed, exampleAdditional))
	}
	for _, changed := range withOneBitFlipped(exampleAdditional) {
		require.False(t, opens(exampleSalt, exampleSealed, changed))
	}
	for n := range exampleSealed {
		require.False(t, opens(exampleSalt, exampleSealed[:n], exampleAdditional), "cut to %d bytes", n)
	}
	_, err := New(new([KeySize]byte)).Open(nil, exampleSalt, exampleSealed, exampleAdditional)
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

// TestEveryMessageHasAKeyOfItsOwn changes each of the last 16 bits of a salt, then every bit of it.
func TestEveryMessageHasAKeyOfItsOwn(t *testing.T) {
	k, salt := New(exampleKey), bytes.Clone(exampleSalt)
	keys, nonces := map[[KeySize]byte]bool{}, map[[nonceSize]byte]bool{}
	note := func(salt []byte) {
		m := k.derive(salt)
		keys[[KeySize]byte(m.derived[:])], nonces[[nonceSize]byte(m.nonce())] = true, true
	}
	for i := range 1 << 16 {
		salt[SaltSize-2], salt[SaltSize-1] = byte(i>>8), byte(i)
		note(salt)
	}
	require.Len(t, keys, 1<<16)
	require.Len(t, nonces, 1<<16)
	for _, salt := range withOneBitFlipped(salt)[:8*(SaltSize-2)] {
		note(salt)
	}
	require.Len(t, keys, 1<<16+8*(SaltSize-2))
}

func TestSealAndOpenAppend(t *testing.T) {
	k := New(exampleKey)
	sealed := k.Seal([]byte("header"), exampleSalt, examplePlaintext, exampleAdditional)
	require.Equal(t, "header"+string(exampleSealed), string(sealed))
	opened, err := k.Open([]byte("before "), exampleSalt, sealed[6:], exampleAdditional)
	require.NoError(t, err)
	require.Equal(t, "before plaintext", string(opened))
}

func TestSaltsOfAnotherLengthPanic(t *testing.T) {
	k := New(exampleKey)
	for _, n := range []int{0, 12, 15, 17, 24} {
		require.Panics(t, func() { k.Seal(nil, make([]byte, n), nil, nil) }, "%d bytes", n)
		require.Panics(t, func() { _, _ = k.Open(nil, make([]byte, n), make([]byte, Overhead), nil) }, "%d bytes", n)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(exampleSalt, exampleSealed, exampleAdditional)
	f.Add(exampleSalt, exampleSealed[:Overhead], []byte(nil))
	f.Add(exampleSalt, []byte(nil), exampleAdditional)
	k := New(exampleKey)
	f.Fuzz(func(t *testing.T, salt, sealed, additional []byte) {
		if len(salt) != SaltSize {
			return
		}
		plaintext, err := k.Open(nil, salt, sealed, additional)
		if err != nil {
			require.Nil(t, plaintext)
			return
		}
		require.Equal(t, sealed, k.Seal(nil, salt, plaintext, additional), "only what Seal returns opens")
	})
}

func BenchmarkSeal(b *testing.B) {
	k := New(exampleKey)
	plaintext, sealed := make([]byte, 64), make([]byte, 0, 64+Overhead)
	b.ReportAllocs()
	for b.Loop() {
		k.Seal(sealed, exampleSalt, plaintext, nil)
	}
}

func BenchmarkNewAndClear(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(exampleKey).Clear()
	}
}

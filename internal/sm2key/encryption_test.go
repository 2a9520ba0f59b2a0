package sm2key

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/stretchr/testify/require"
)

func TestTheCiphertextOfTheStandardDecrypts(t *testing.T) {
	ciphertext := unhex("0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73" +
		"e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0" +
		"59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766" +
		"21886ca989ca9c7d58087307ca93092d651efa")
	got, ok := standardKey(t).Decrypt(ciphertext)
	require.True(t, ok)
	require.Equal(t, "encryption standard", string(got))
}

func TestACiphertextOfOpenSSLDecryptsAndNoOtherLikeIt(t *testing.T) {
	key, good := opensslKey(t), vector(t, "sm2.sm2pke.c1c3c2.enc")
	got, ok := key.Decrypt(good)
	require.True(t, ok)
	require.Equal(t, "Hello world", string(got))
	for i := range good {
		changed := bytes.Clone(good)
		changed[i] ^= 1
		got, ok := key.Decrypt(changed)
		require.False(t, ok, "byte %d", i)
		require.Nil(t, got)
	}
	for n := range good {
		_, ok := key.Decrypt(good[:n])
		require.False(t, ok, "cut to %d bytes", n)
	}
}

func TestPlaintextsOfEveryLengthReturn(t *testing.T) {
	key := opensslKey(t)
	for _, n := range []int{1, 2, 16, 31, 32, 33, 64, 1000, MaxPlaintext} {
		text := make([]byte, n)
		_, _ = rand.Read(text)
		ciphertext, err := key.Public().Encrypt(text)
		require.NoError(t, err)
		require.Len(t, ciphertext, n+Overhead)
		require.EqualValues(t, 4, ciphertext[0])
		got, ok := key.Decrypt(ciphertext)
		require.True(t, ok, n)
		require.Equal(t, text, got)
		theirs, err := sm2.Decrypt(key.key, ciphertext)
		if err == nil { // The library refuses some that are short.
			require.Equal(t, text, theirs)
		}
	}
	for _, n := range []int{0, MaxPlaintext + 1} {
		_, err := key.Public().Encrypt(make([]byte, n))
		require.Error(t, err)
	}
	require.Equal(t, 6047, MaxPlaintext)
	ephemeral, err := Generate()
	require.NoError(t, err)
	long, ok := key.Public().encryptWith(ephemeral, make([]byte, MaxPlaintext+1))
	require.True(t, ok)
	_, ok = key.Decrypt(long)
	require.False(t, ok)
}

// One in 256 ciphertexts of a byte has a C2 of zero.
func TestEveryCiphertextOfAByteDecrypts(t *testing.T) {
	key := opensslKey(t)
	for zeros := 0; zeros < 3; {
		ciphertext, err := key.Public().Encrypt([]byte{0x5a})
		require.NoError(t, err)
		got, ok := key.Decrypt(ciphertext)
		require.True(t, ok)
		require.Equal(t, []byte{0x5a}, got)
		if ciphertext[Overhead] == 0 {
			zeros++
		}
	}
}

// With a mask of zeros, a ciphertext would hold its plaintext: GB/T 32918.4 refuses it.
func TestACiphertextThatHoldsItsPlaintextIsRefused(t *testing.T) {
	key := opensslKey(t)
	for {
		other, err := Generate()
		require.NoError(t, err)
		shared := key.multiply(other.public)
		plaintext := []byte{0x5a}
		if sm3.Kdf(shared, 1)[0] != 0 {
			continue
		}
		ciphertext := append(append(bytes.Clone(other.public.point), c3(shared, plaintext)...), plaintext...)
		_, ok := key.Decrypt(ciphertext)
		require.False(t, ok)
		return
	}
}

// badCiphertexts has some of every kind that does not decrypt.
func badCiphertexts(t testing.TB) map[string][]byte {
	key, good := opensslKey(t), vector(t, "sm2.sm2pke.c1c3c2.enc")
	other, err := Generate()
	require.NoError(t, err)
	foreign, err := other.Public().Encrypt([]byte("Hello world"))
	require.NoError(t, err)
	long, err := key.Public().Encrypt(make([]byte, MaxPlaintext))
	require.NoError(t, err)
	body := good[pointSize:]
	bad := map[string][]byte{
		"nothing": nil, "one byte": {4}, "without C2": good[:Overhead], "a byte less": good[:len(good)-1],
		"a byte more": append(bytes.Clone(good), 0), "too long": append(long, 0), "for another key": foreign,
		"in DER": vector(t, "sm2.sm2pke.asn1.enc"), "zeros": make([]byte, len(good)),
		"C1C2C3": append(append(bytes.Clone(good[:pointSize]), body[32:]...), body[:32]...),
	}
	for name, point := range badPoints(t) {
		bad["a point "+name] = append(bytes.Clone(point), body...)
	}
	return bad
}

func TestNoFailedDecryptionIsAnswered(t *testing.T) {
	key := opensslKey(t)
	for name, bad := range badCiphertexts(t) {
		got, ok := key.Decrypt(bad)
		require.False(t, ok, name)
		require.Nil(t, got, name)
	}
}

// The fastest of some runs in turn is compared, since a loaded machine only makes runs slower. If it leaves the full
// speed of the processor to few of them, more runs follow. A failure without the multiplication would take less than a
// tenth, however many there are.
func TestAFailedDecryptionTakesAsLongAsAnyOther(t *testing.T) {
	key := opensslKey(t)
	ciphertexts := badCiphertexts(t)
	delete(ciphertexts, "too long") // It is hashed for longer than the others, which are short.
	ciphertexts["good"] = vector(t, "sm2.sm2pke.c1c3c2.enc")
	fastest := map[string]time.Duration{}
	var differ []string
	for range 20 {
		measure(key, ciphertexts, fastest)
		if differ = unlike(fastest["good"], fastest); len(differ) == 0 {
			return
		}
	}
	require.Empty(t, differ, fmt.Sprint(fastest))
}

// measure decrypts all ciphertexts in turn, and records the fastest run of each.
func measure(key *PrivateKey, ciphertexts map[string][]byte, fastest map[string]time.Duration) {
	for range 300 {
		for name, ciphertext := range ciphertexts {
			start := time.Now()
			key.Decrypt(ciphertext)
			if took := time.Since(start); fastest[name] == 0 || took < fastest[name] {
				fastest[name] = took
			}
		}
	}
}

// unlike returns the names of the times that differ from want by more than two fifths of it.
func unlike(want time.Duration, times map[string]time.Duration) (names []string) {
	for name, took := range times {
		if (took - want).Abs() > want*2/5 {
			names = append(names, name)
		}
	}
	return names
}

// The longer C2, the more there is to hash: 6 kB take as long as the multiplication.
func TestAFailedDecryptionHashesAsMuchAsAnyOther(t *testing.T) {
	key := opensslKey(t)
	for name, ciphertext := range badCiphertexts(t) {
		parts, _ := key.partsOf(ciphertext)
		want := min(max(len(ciphertext)-Overhead, 1), MaxPlaintext)
		require.Len(t, parts.c2, want, name)
		require.Len(t, parts.c3, 32, name)
	}
}

// FuzzDecrypt looks for a ciphertext that decrypts to something other than what was encrypted.
func FuzzDecrypt(f *testing.F) {
	key, good := opensslKey(f), vector(f, "sm2.sm2pke.c1c3c2.enc")
	f.Add(good)
	for _, bad := range badCiphertexts(f) {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		if got, ok := key.Decrypt(ciphertext); ok {
			require.Equal(t, len(ciphertext), len(got)+Overhead)
			again, err := sm2.Decrypt(key.key, ciphertext)
			require.True(t, err != nil || bytes.Equal(again, got))
		}
	})
}

func TestAKeyIsUsedByManyAtOnce(t *testing.T) {
	key, digest := opensslKey(t), make([]byte, DigestSize)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				signature, err := key.Sign(digest)
				ciphertext, failed := key.Public().Encrypt(digest)
				plaintext, ok := key.Decrypt(ciphertext)
				if err != nil || failed != nil || !ok || !bytes.Equal(plaintext, digest) {
					t.Error(err, failed, ok)
				}
				if !key.Public().Verify(digest, signature) {
					t.Error("a signature is not right")
				}
			}
		})
	}
	all.Wait()
}

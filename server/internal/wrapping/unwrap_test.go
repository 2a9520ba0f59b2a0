package wrapping

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"hash"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const size = kmsapi.KeyMaterialSize

var material = bytes.Repeat([]byte("mat."), size/4)

func wrapOAEP(t testing.TB, h hash.Hash, public *rsa.PublicKey, message, label []byte) []byte {
	t.Helper()
	wrapped, err := rsa.EncryptOAEP(h, rand.Reader, public, message, label)
	require.NoError(t, err)
	return wrapped
}

func wrapPKCS1v15(t testing.TB, public *rsa.PublicKey, message []byte) []byte {
	t.Helper()
	//lint:ignore SA1019 It is what is tested.
	wrapped, err := rsa.EncryptPKCS1v15(rand.Reader, public, message)
	require.NoError(t, err)
	return wrapped
}

// wrap encrypts message as the owner of key material does.
func wrap(t testing.TB, name string, key *Key, message []byte) []byte {
	t.Helper()
	public := &rsaOf(key).PublicKey
	switch name {
	case kmsapi.WrapOAEPSHA1:
		return wrapOAEP(t, sha1.New(), public, message, nil)
	case kmsapi.WrapOAEPSHA256:
		return wrapOAEP(t, sha256.New(), public, message, nil)
	default:
		return wrapPKCS1v15(t, public, message)
	}
}

// raw encrypts a full block, which includes the caller's padding.
func raw(key *Key, block []byte) []byte {
	c := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(rsaOf(key).E)), rsaOf(key).N)
	return c.FillBytes(make([]byte, rsaOf(key).Size()))
}

func TestEveryAlgorithmOfTheReferenceUnwraps(t *testing.T) {
	require.Len(t, rsaUnwraps, 3)
	key := newKey(t)
	for _, name := range []string{"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"} {
		t.Run(name, func(t *testing.T) {
			got, ok := key.Unwrap(name, wrap(t, name, key, material), size)
			require.True(t, ok)
			require.Equal(t, material, got)
		})
	}
}

// requireRefused checks that a failure looks like every other failure.
func requireRefused(t *testing.T, key *Key, name string, ciphertext []byte) {
	t.Helper()
	requireRefusedAs(t, key, name, ciphertext, size)
}

// requireRefusedAs is requireRefused for material of size bytes.
func requireRefusedAs(t *testing.T, key *Key, name string, ciphertext []byte, size int) {
	t.Helper()
	first, ok := key.Unwrap(name, ciphertext, size)
	require.False(t, ok)
	require.Len(t, first, size)
	second, ok := key.Unwrap(name, ciphertext, size)
	require.False(t, ok)
	require.NotEqual(t, first, second, "a failure gives random material")
	require.NotEqual(t, make([]byte, size), first)
}

func TestOtherCiphertextsGiveRandomMaterial(t *testing.T) {
	key := newKey(t)
	other, err := Generate(kmsapi.WrappingKeySpecRSA2048)
	require.NoError(t, err)
	for a := range rsaUnwraps {
		good := wrap(t, a, key, material)
		tests := map[string][]byte{
			"nothing":                    nil,
			"one byte":                   {1},
			"zeros":                      make([]byte, 256),
			"the modulus":                rsaOf(key).N.Bytes(),
			"a number above the modulus": bytes.Repeat([]byte{0xff}, 256),
			"material for another key":   wrap(t, a, other, material),
			"one byte too few":           good[:255],
			"one byte too many":          append(bytes.Clone(good), 0),
			"an additional leading zero": append([]byte{0}, good...),
			"material in clear":          append(make([]byte, 256-size), material...),
		}
		for _, n := range []int{0, 1, 16, 31, 33, 64, 190} {
			tests[fmt.Sprintf("material of %d bytes", n)] = wrap(t, a, key, bytes.Repeat([]byte{7}, n))
		}
		for b := range rsaUnwraps {
			if b != a {
				tests["material wrapped by "+b] = wrap(t, b, key, material)
			}
		}
		for name, ciphertext := range tests {
			t.Run(a+": "+name, func(t *testing.T) { requireRefused(t, key, a, ciphertext) })
		}
	}
	t.Run("an unknown algorithm", func(t *testing.T) {
		requireRefused(t, key, "RSAES_OAEP_SHA_512", wrap(t, kmsapi.WrapOAEPSHA256, key, material))
	})
}

func TestLeadingZerosOfACiphertextAreRequired(t *testing.T) {
	key := newKey(t)
	for a := range rsaUnwraps {
		good := wrap(t, a, key, material)
		for good[0] != 0 {
			good = wrap(t, a, key, material)
		}
		_, ok := key.Unwrap(a, good, size)
		require.True(t, ok)
		requireRefused(t, key, a, good[1:])
	}
}

func TestAnyAlteredByteIsRefused(t *testing.T) {
	key := newKey(t)
	for a := range rsaUnwraps {
		good := wrap(t, a, key, material)
		for i := range good {
			changed := bytes.Clone(good)
			changed[i] ^= 0x40
			_, ok := key.Unwrap(a, changed, size)
			require.False(t, ok, "%s, byte %d", a, i)
		}
	}
}

func TestOAEPAcceptsNeitherALabelNorAnotherMaskHash(t *testing.T) {
	key := newKey(t)
	public := &rsaOf(key).PublicKey
	requireRefused(t, key, kmsapi.WrapOAEPSHA256, wrapOAEP(t, sha256.New(), public, material, []byte("label")))
	options := &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA1}
	mixed, err := rsa.EncryptOAEPWithOptions(rand.Reader, public, material, options)
	require.NoError(t, err)
	requireRefused(t, key, kmsapi.WrapOAEPSHA256, mixed)
	requireRefused(t, key, kmsapi.WrapOAEPSHA1, mixed)
}

// TestPKCS1v15Probes sends blocks with which an attacker would probe how a service checks padding.
func TestPKCS1v15Probes(t *testing.T) {
	for _, spec := range []string{kmsapi.KeySpecAES256, kmsapi.KeySpecSM4} {
		t.Run(spec, func(t *testing.T) { probePKCS1v15(t, kmsapi.MaterialSize(spec)) })
	}
}

func probePKCS1v15(t *testing.T, size int) {
	key := newKey(t)
	// A valid block is 00 02, padding without zeros, 00, material.
	block := func(change func([]byte)) []byte {
		b := bytes.Repeat([]byte{0xaa}, 256)
		b[0], b[1], b[256-size-1] = 0, 2, 0
		copy(b[256-size:], material[:size])
		change(b)
		return b
	}
	got, ok := key.Unwrap(kmsapi.WrapPKCS1v15, raw(key, block(func([]byte) {})), size)
	require.True(t, ok, "the block from which the others are made is good")
	require.Equal(t, material[:size], got)
	for name, change := range map[string]func([]byte){
		"does not begin with zero":            func(b []byte) { b[0] = 1 },
		"is a signature's":                    func(b []byte) { b[1] = 1 },
		"is of type 0":                        func(b []byte) { b[1] = 0 },
		"is of an unknown type":               func(b []byte) { b[1] = 3 },
		"has a zero right after the type":     func(b []byte) { b[2] = 0 },
		"has seven bytes of padding":          func(b []byte) { b[9] = 0 },
		"has eight bytes of padding":          func(b []byte) { b[10] = 0 },
		"has no end of padding":               func(b []byte) { fill(b[2:], 0xaa) },
		"ends its padding a byte too soon":    func(b []byte) { b[256-size-2] = 0 },
		"ends its padding a byte too late":    func(b []byte) { b[256-size-1], b[256-size] = 0xaa, 0 },
		"ends its padding with the last byte": func(b []byte) { fill(b[2:], 0xaa); b[255] = 0 },
	} {
		t.Run("a block that "+name, func(t *testing.T) {
			requireRefusedAs(t, key, kmsapi.WrapPKCS1v15, raw(key, block(change)), size)
		})
	}
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

func BenchmarkUnwrap(b *testing.B) {
	key := newKey(b)
	for a := range rsaUnwraps {
		b.Run(a, func(b *testing.B) {
			wrapped := wrap(b, a, key, material)
			for b.Loop() {
				if _, ok := key.Unwrap(a, wrapped, size); !ok {
					b.Fatal("not unwrapped")
				}
			}
		})
	}
}

package keywrap_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// size is the length of the key material that most tests import, in bytes.
const size = kmsapi.KeyMaterialSize

func TestCiphertextsOfOpenSSLAreUnwrapped(t *testing.T) {
	v, key := keywraptest.Read(t)
	require.Len(t, v.Ciphertexts, len(keywrap.HashNames()))
	for _, name := range keywrap.HashNames() {
		material, err := keywrap.Unwrap(key, keywrap.HashNamed(name), v.Ciphertexts[name], size)
		require.NoError(t, err, name)
		require.Equal(t, v.Material, material)
		for _, other := range keywrap.HashNames() {
			if other != name {
				_, err := keywrap.Unwrap(key, keywrap.HashNamed(other), v.Ciphertexts[name], size)
				require.Equal(t, keywrap.ErrUnwrap, err, "%s as %s", name, other)
			}
		}
	}
}

func TestCiphertextsOfVaultsClientAreUnwrapped(t *testing.T) {
	_, key := keywraptest.Read(t)
	material := bytes.Repeat([]byte{0}, size)
	got, err := keywrap.Unwrap(key, sha256.New, keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, material), size)
	require.NoError(t, err)
	require.Equal(t, material, got)
}

func TestEveryFailureWithThePrivateKeyLooksTheSame(t *testing.T) {
	v, key := keywraptest.Read(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	material := v.Material
	good := func() []byte { return keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, material) }
	for name, ciphertext := range map[string][]byte{
		"zeros":                         make([]byte, 552),
		"ones":                          bytes.Repeat([]byte{0xff}, 552),
		"the first bit of RSA":          keywraptest.Flip(good(), 0),
		"the last bit of RSA":           keywraptest.Flip(good(), 511),
		"the first bit of KWP":          keywraptest.Flip(good(), 512),
		"the last bit of KWP":           keywraptest.Flip(good(), 551),
		"the halves changed over":       append(good()[512:], good()[:512]...),
		"the halves of two ciphertexts": append(good()[:512], good()[512:]...),
		"an AES key of 128 bits": keywraptest.Wrapping{Ephemeral: make([]byte, 16)}.Wrap(t,
			&key.PublicKey, material),
		"a label":              keywraptest.Wrapping{Label: []byte("label")}.Wrap(t, &key.PublicKey, material),
		"material of 25 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 25)),
		"material of 31 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 31)),
		"a length that lies": keywraptest.Wrapping{Spoil: func(w []byte) { w[7] ^= 1 }}.Wrap(t,
			&key.PublicKey, material),
		"another's wrapping key, and zeros": append(keywraptest.Wrapping{}.Wrap(t, &other.PublicKey, material),
			make([]byte, 256)...),
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, ciphertext, 552)
			got, err := keywrap.Unwrap(key, sha256.New, ciphertext, size)
			require.Equal(t, keywrap.ErrUnwrap, err)
			require.Nil(t, got)
		})
	}
}

func TestWrongLengthIsReported(t *testing.T) {
	_, key := keywraptest.Read(t)
	of := func(n int) []byte { return keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, n)) }
	const fresh = "for new material: head -c 32 /dev/urandom | base64"
	const foreign = "once base64 is decoded, and was not wrapped with this mount's wrapping_key: it would have 552"
	for name, c := range map[string]struct {
		ciphertext []byte
		want       string
	}{
		"nothing":                {nil, "has 0 bytes, " + foreign},
		"one byte":               {[]byte{1}, "has 1 bytes, " + foreign},
		"the RSA half alone":     {of(32)[:512], "has 512 bytes, " + foreign},
		"an RSA-2048 half":       {make([]byte, 296), "has 296 bytes, " + foreign},
		"one byte less":          {of(32)[:551], "has 551 bytes, " + foreign},
		"one byte more":          {append(of(32), 0), "has 553 bytes, " + foreign},
		"a great deal":           {make([]byte, 1<<20), "has 1048576 bytes, " + foreign},
		"material of 16 bytes":   {of(16), "wraps key material of 9 to 16 bytes, and KMS takes exactly 32; " + fresh},
		"material of 24 bytes":   {of(24), "wraps key material of 17 to 24 bytes, and KMS takes exactly 32; " + fresh},
		"material of 33 bytes":   {of(33), "wraps key material of 33 to 40 bytes, and KMS takes exactly 32; " + fresh},
		"32 bytes, in hex":       {of(64), "wraps key material of 57 to 64 bytes, and KMS takes exactly 32; if it is hexadecimal, decode it first: xxd -r -p"},
		"32 bytes, in base64":    {of(44), "wraps key material of 41 to 48 bytes, and KMS takes exactly 32; if it is base64 twice, encode the bytes once"},
		"base64 with line break": {of(45), "wraps key material of 41 to 48 bytes, and KMS takes exactly 32; if it is base64 twice, encode the bytes once"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keywrap.Unwrap(key, sha256.New, c.ciphertext, size)
			require.EqualError(t, err, c.want)
		})
	}
}

func TestMaterialOf128BitsIsUnwrapped(t *testing.T) {
	_, key := keywraptest.Read(t)
	of := func(n int) []byte { return keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, n)) }
	got, err := keywrap.Unwrap(key, sha256.New, of(16), 16)
	require.NoError(t, err)
	require.Equal(t, make([]byte, 16), got)
	for n, want := range map[int]string{
		24: "wraps key material of 17 to 24 bytes, and KMS takes exactly 16; if it is base64 twice, encode the bytes once",
		32: "wraps key material of 25 to 32 bytes, and KMS takes exactly 16; if it is hexadecimal, decode it first: xxd -r -p",
	} {
		_, err := keywrap.Unwrap(key, sha256.New, of(n), 16)
		require.EqualError(t, err, want, n)
	}
}

func FuzzUnwrap(f *testing.F) {
	v, key := keywraptest.Read(f)
	for _, ciphertext := range v.Ciphertexts {
		f.Add(ciphertext, []byte(nil))
	}
	f.Add([]byte(nil), make([]byte, 40))
	f.Add(v.Ciphertexts["SHA256"][:512], v.Ciphertexts["SHA256"][512:])
	ephemeral := make([]byte, keywrap.EphemeralKeySize)
	known, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, ephemeral, nil)
	require.NoError(f, err)
	kwp, err := subtle.NewKWP(ephemeral)
	require.NoError(f, err)
	// An empty first half stands for one that opens, or the fuzzer would never reach AES-KWP.
	f.Fuzz(func(t *testing.T, first, second []byte) {
		if len(first) == 0 {
			first = known
		}
		material, err := keywrap.Unwrap(key, sha256.New, append(bytes.Clone(first), second...), size)
		if err != nil {
			require.Error(t, err)
			require.Nil(t, material)
			return
		}
		require.Len(t, material, size)
		if bytes.Equal(first, known) {
			again, err := kwp.Wrap(material)
			require.NoError(t, err)
			require.Equal(t, second, again)
		}
	})
}

func TestPrivateKeysAreUnwrapped(t *testing.T) {
	_, key := keywraptest.Read(t)
	for _, size := range []int{33, 138, 1217, 2375, 4096} {
		private := make([]byte, size)
		_, _ = rand.Read(private)
		good := keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, private)
		got, err := keywrap.UnwrapPair(key, sha256.New, good)
		require.NoError(t, err)
		require.Equal(t, private, got)
		for _, at := range []int{0, key.Size() - 1, key.Size(), len(good) - 1} {
			_, err := keywrap.UnwrapPair(key, sha256.New, keywraptest.Flip(good, at))
			require.Equal(t, keywrap.ErrUnwrapPair, err, "%d bytes, at %d", size, at)
			keywraptest.Flip(good, at)
		}
		for _, wrong := range [][]byte{nil, good[:key.Size()], good[:len(good)-1], append(good, 0), make([]byte, 5000)} {
			_, err := keywrap.UnwrapPair(key, sha256.New, wrong)
			require.ErrorContains(t, err, "not the length of a private key")
		}
	}
}

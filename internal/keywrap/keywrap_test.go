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

func TestCiphertextsOfOpenSSLAreUnwrapped(t *testing.T) {
	v, key := keywraptest.Read(t)
	require.Len(t, v.Ciphertexts, len(keywrap.HashNames()))
	for _, name := range keywrap.HashNames() {
		material, err := keywrap.Unwrap(key, keywrap.HashNamed(name), v.Ciphertexts[name])
		require.NoError(t, err, name)
		require.Equal(t, v.Material, material)
		for _, other := range keywrap.HashNames() {
			if other != name {
				_, err := keywrap.Unwrap(key, keywrap.HashNamed(other), v.Ciphertexts[name])
				require.Equal(t, keywrap.ErrUnwrap, err, "%s as %s", name, other)
			}
		}
	}
}

func TestCiphertextsOfVaultsClientAreUnwrapped(t *testing.T) {
	_, key := keywraptest.Read(t)
	material := bytes.Repeat([]byte{0}, kmsapi.KeyMaterialSize)
	got, err := keywrap.Unwrap(key, sha256.New, keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, material))
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
			got, err := keywrap.Unwrap(key, sha256.New, ciphertext)
			require.Equal(t, keywrap.ErrUnwrap, err)
			require.Nil(t, got)
		})
	}
}

func TestWrongLengthIsReported(t *testing.T) {
	_, key := keywraptest.Read(t)
	for name, ciphertext := range map[string][]byte{
		"nothing":              nil,
		"one byte":             {1},
		"the RSA half alone":   make([]byte, 512),
		"one byte less":        make([]byte, 551),
		"one byte more":        make([]byte, 553),
		"one block more":       make([]byte, 560),
		"an RSA-2048 half":     make([]byte, 296),
		"material of 16 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 16)),
		"material of 24 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 24)),
		"material of 33 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 33)),
		"material of 64 bytes": keywraptest.Wrapping{}.Wrap(t, &key.PublicKey, make([]byte, 64)),
		"a great deal":         make([]byte, 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keywrap.Unwrap(key, sha256.New, ciphertext)
			require.ErrorContains(t, err, "552")
			require.ErrorContains(t, err, "32 bytes")
		})
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
		material, err := keywrap.Unwrap(key, sha256.New, append(bytes.Clone(first), second...))
		if err != nil {
			require.Error(t, err)
			require.Nil(t, material)
			return
		}
		require.Len(t, material, kmsapi.KeyMaterialSize)
		if bytes.Equal(first, known) {
			again, err := kwp.Wrap(material)
			require.NoError(t, err)
			require.Equal(t, second, again)
		}
	})
}

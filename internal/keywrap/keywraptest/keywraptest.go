// Package keywraptest wraps key material as clients of transit do, for tests.
package keywraptest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/kwp/subtle"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap"
)

//go:embed vectors.json
var vectorsJSON []byte

// Vectors are from openssl, which shares no code with this engine.
type Vectors struct {
	WrappingKey []byte `json:"wrapping_key_pkcs8"`
	Material    []byte `json:"material"`
	// Ciphertexts hold the material, by the name of the hash function.
	Ciphertexts map[string][]byte `json:"ciphertexts"`
}

var parsed = sync.OnceValues(func() (v Vectors, err error) {
	err = json.Unmarshal(vectorsJSON, &v)
	return v, err
})

// Read returns the vectors, and their private key.
func Read(t testing.TB) (Vectors, *rsa.PrivateKey) {
	t.Helper()
	v, err := parsed()
	require.NoError(t, err)
	key, err := x509.ParsePKCS8PrivateKey(v.WrappingKey)
	require.NoError(t, err)
	return v, key.(*rsa.PrivateKey)
}

// A Wrapping is a way to wrap key material. The zero value wraps as `vault transit import` does.
type Wrapping struct {
	Hash      keywrap.Hash
	Ephemeral []byte
	Label     []byte
	// Spoil changes the material once it is wrapped.
	Spoil func(wrapped []byte)
}

// Wrap returns the ciphertext of material.
func (w Wrapping) Wrap(t testing.TB, key *rsa.PublicKey, material []byte) []byte {
	t.Helper()
	if w.Hash == nil {
		w.Hash = keywrap.HashNamed(keywrap.DefaultHash)
	}
	if w.Ephemeral == nil {
		w.Ephemeral = make([]byte, keywrap.EphemeralKeySize)
		_, err := rand.Read(w.Ephemeral)
		require.NoError(t, err)
	}
	kwp, err := subtle.NewKWP(w.Ephemeral)
	require.NoError(t, err)
	wrapped, err := kwp.Wrap(material)
	require.NoError(t, err)
	if w.Spoil != nil {
		w.Spoil(wrapped)
	}
	head, err := rsa.EncryptOAEP(w.Hash(), rand.Reader, key, w.Ephemeral, w.Label)
	require.NoError(t, err)
	return append(head, wrapped...)
}

// Flip changes one bit of data, in the byte at a position, and returns data.
func Flip(data []byte, at int) []byte {
	data[at] ^= 1
	return data
}

package wrapping

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

// vectorKey is the wrapping key of the vector.
func vectorKey(t testing.TB) *Key {
	t.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(vector(t, "rsa_2048.pkcs8.der"))
	require.NoError(t, err)
	return parse(t, x509.MarshalPKCS1PrivateKey(parsed.(*rsa.PrivateKey)))
}

func TestAPrivateKeyThatOpenSSLWrapped(t *testing.T) {
	key := vectorKey(t)
	wrapped := vector(t, "import_ec_p256.encrypted_key_material.bin")
	got, ok := key.UnwrapPrivateKey(wrapped)
	require.True(t, ok)
	require.Equal(t, vector(t, "prime256v1.pkcs8.der"), got)

	for name, wrong := range map[string][]byte{
		"nothing": nil, "no private key": wrapped[:256], "no whole block": wrapped[:len(wrapped)-1],
		"without its last block": wrapped[:len(wrapped)-16], "too much": append(bytes.Clone(wrapped), make([]byte, 8<<10)...),
		"another key before it": append(make([]byte, 256), wrapped[256:]...),
	} {
		_, ok := key.UnwrapPrivateKey(wrong)
		require.False(t, ok, name)
	}
	_, ok = func() ([]byte, bool) {
		other, err := Generate(kmsapi.WrappingKeySpecRSA2048)
		require.NoError(t, err)
		return other.UnwrapPrivateKey(wrapped)
	}()
	require.False(t, ok, "with another wrapping key")
}

// The private number is in blocks 2, 3 and 4 of a PKCS#8 that contains no public key.
func TestABlockThatWasCopiedIsRefused(t *testing.T) {
	key := vectorKey(t)
	wrapped := vector(t, "import_ec_p256.encrypted_key_material.bin")
	block := func(n int) []byte { return wrapped[256+16*n : 256+16*n+16] }
	for _, from := range []int{0, 1, 2, 4} {
		changed := bytes.Clone(wrapped)
		copy(changed[256+16*3:], block(from))
		_, ok := key.UnwrapPrivateKey(changed)
		require.False(t, ok, "block %d", from)
	}
}

func TestPadding(t *testing.T) {
	for n := 1; n <= aes.BlockSize; n++ {
		block := append(bytes.Repeat([]byte{0xaa}, aes.BlockSize-n), bytes.Repeat([]byte{byte(n)}, n)...)
		length, ok := padding(block)
		require.True(t, ok, n)
		require.Equal(t, n, length)
		for i := aes.BlockSize - n; i < aes.BlockSize-1; i++ {
			changed := bytes.Clone(block)
			changed[i] ^= 0x80
			_, ok := padding(changed)
			require.False(t, ok, "%d: byte %d", n, i)
		}
	}
	for _, last := range []byte{0, 17, 255} {
		block := make([]byte, aes.BlockSize)
		_, _ = rand.Read(block)
		block[len(block)-1] = last
		length, ok := padding(block)
		require.False(t, ok, last)
		require.Zero(t, length)
	}
}

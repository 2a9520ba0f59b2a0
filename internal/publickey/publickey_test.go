package publickey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// readVector reads a file that OpenSSL has made.
func readVector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

func publicKey(t testing.TB, name string) *PublicKey {
	t.Helper()
	key, err := Parse(string(readVector(t, name+".pub.pem")))
	require.NoError(t, err)
	return key
}

var vectors = []struct{ key, algorithm, signature string }{
	{"rsa_2048", kmsapi.SignPSS, "pss_sha256.sig"},
	{"rsa_2048", kmsapi.SignPKCS1v15, "pkcs1_sha256.sig"},
	{"rsa_3072", kmsapi.SignPSS, "pss_sha256.sig"},
	{"rsa_3072", kmsapi.SignPKCS1v15, "pkcs1_sha256.sig"},
	{"rsa_4096", kmsapi.SignPSS, "pss_sha256.sig"},
	{"rsa_4096", kmsapi.SignPKCS1v15, "pkcs1_sha256.sig"},
	{"prime256v1", kmsapi.SignECDSA, "ecdsa_sha256.sig"},
}

func TestSignaturesOfOpenSSLAreRight(t *testing.T) {
	digest := readVector(t, "digest-sha256.bin")
	other := sha256.Sum256([]byte("another message"))
	algorithms := []string{kmsapi.SignPSS, kmsapi.SignPKCS1v15, kmsapi.SignECDSA, "", "SM2DSA"}
	for _, v := range vectors {
		t.Run(v.key+" "+v.algorithm, func(t *testing.T) {
			key, signature := publicKey(t, v.key), readVector(t, v.key+"."+v.signature)
			for _, algorithm := range algorithms {
				require.Equal(t, algorithm == v.algorithm, key.Verify(algorithm, digest, signature), algorithm)
			}
			require.False(t, key.Verify(v.algorithm, other[:], signature))
			require.False(t, key.Verify(v.algorithm, digest[:31], signature))
			require.False(t, key.Verify(v.algorithm, digest, nil))
			require.False(t, key.Verify(v.algorithm, digest, append(signature, 0)), "with a byte after it")
			require.False(t, key.Verify(v.algorithm, digest, signature[1:]))
			signature[len(signature)/2] ^= 1
			require.False(t, key.Verify(v.algorithm, digest, signature))
		})
	}
}

func TestKeysThatKMSMustCheckWith(t *testing.T) {
	_, err := Parse(string(readVector(t, "secp256k1.pub.pem")))
	require.ErrorIs(t, err, ErrUnknownKey)
	_, err = Parse("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE")
	require.ErrorContains(t, err, "is not PEM")
	ed25519 := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
	_, err = Parse(ed25519)
	require.ErrorIs(t, err, ErrUnknownKey)
}

func TestThePlaintextsThatFit(t *testing.T) {
	for name, most := range map[string]int{"rsa_2048": 190, "rsa_3072": 318, "rsa_4096": 446, "prime256v1": 0} {
		require.Equal(t, most, publicKey(t, name).MaxPlaintext(), name)
	}
}

func TestTheKeySpecOfAPublicKey(t *testing.T) {
	for name, spec := range map[string]string{
		"rsa_2048": kmsapi.KeySpecRSA2048, "rsa_3072": kmsapi.KeySpecRSA3072, "rsa_4096": kmsapi.KeySpecRSA4096,
		"prime256v1": kmsapi.KeySpecP256,
	} {
		require.Equal(t, spec, publicKey(t, name).KeySpec(), name)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for name, key := range map[string]any{
		"a curve that KMS lacks":  &p384.PublicKey,
		"a length that KMS lacks": &rsa.PublicKey{N: big.NewInt(1<<62 + 1), E: 65537},
	} {
		require.Empty(t, (&PublicKey{key: key}).KeySpec(), name)
	}
}

func TestThePEMOfAPublicKeyHasNothingElse(t *testing.T) {
	for _, name := range []string{"rsa_2048", "prime256v1"} {
		clean := string(readVector(t, name+".pub.pem"))
		key, err := Parse("of KMS\n" + clean + "and more\n")
		require.NoError(t, err)
		require.Equal(t, clean, string(key.PEM()))
	}
}

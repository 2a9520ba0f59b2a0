package asymmetric

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// vectorFiles are the prefixes of the names of files in testdata, which OpenSSL has made.
var vectorFiles = map[string]string{
	kmsapi.KeySpecRSA2048: "rsa_2048", kmsapi.KeySpecRSA3072: "rsa_3072", kmsapi.KeySpecRSA4096: "rsa_4096",
	kmsapi.KeySpecP256: "prime256v1", kmsapi.KeySpecP256K: "secp256k1",
}

var vectorSuffixes = map[string]string{
	kmsapi.SignPSS: "pss_sha256.sig", kmsapi.SignPKCS1v15: "pkcs1_sha256.sig", kmsapi.SignECDSA: "ecdsa_sha256.sig",
	kmsapi.EncryptOAEPSHA256: "oaep_sha256.enc", kmsapi.EncryptOAEPSHA1: "oaep_sha1.enc",
}

func readVector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return content
}

func vectorKey(t testing.TB, spec string) (*Key, *Public) {
	t.Helper()
	key, err := Parse(spec, readVector(t, vectorFiles[spec]+".pkcs8.der"))
	require.NoError(t, err)
	spki, err := key.SPKI()
	require.NoError(t, err)
	public, err := ParsePublic(spec, spki)
	require.NoError(t, err)
	return key, public
}

// eachVector runs test for every algorithm of every KeySpec that is for usage.
func eachVector(t *testing.T, usage string, test func(t *testing.T, spec, algorithm string, vector []byte)) {
	for spec, file := range vectorFiles {
		for _, algorithm := range kmsapi.Algorithms(spec, usage) {
			t.Run(spec+" "+algorithm, func(t *testing.T) {
				test(t, spec, algorithm, readVector(t, file+"."+vectorSuffixes[algorithm]))
			})
		}
	}
}

func TestPublicKeysAreThoseOfOpenSSL(t *testing.T) {
	for spec, file := range vectorFiles {
		key, _ := vectorKey(t, spec)
		spki, err := key.SPKI()
		require.NoError(t, err)
		want := readVector(t, file+".pub.pem")
		require.Equal(t, string(want), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})), spec)
	}
}

func TestSignaturesOfOpenSSLAreRight(t *testing.T) {
	digest := readVector(t, "digest-sha256.bin")
	other := sha256.Sum256([]byte("another message"))
	eachVector(t, kmsapi.KeyUsageSignVerify, func(t *testing.T, spec, algorithm string, signature []byte) {
		key, public := vectorKey(t, spec)
		require.True(t, public.Verify(algorithm, digest, signature))
		require.False(t, public.Verify(algorithm, other[:], signature))
		require.False(t, public.Verify(algorithm, digest[:31], signature))
		require.False(t, public.Verify("SM2DSA", digest, signature))
		require.False(t, public.Verify(algorithm, digest, append(signature, 0)), "with a byte after it")
		require.False(t, public.Verify(algorithm, digest, signature[:len(signature)-1]))
		require.False(t, public.Verify(algorithm, digest, nil))
		for i := range signature {
			changed := append([]byte(nil), signature...)
			changed[i] ^= 1
			require.False(t, public.Verify(algorithm, digest, changed), "byte %d", i)
		}
		own, err := key.Sign(algorithm, digest)
		require.NoError(t, err)
		require.True(t, public.Verify(algorithm, digest, own))
	})
}

func TestCiphertextsOfOpenSSLOpen(t *testing.T) {
	plaintext := readVector(t, "plaintext.bin")
	eachVector(t, kmsapi.KeyUsageEncryptDecrypt, func(t *testing.T, spec, algorithm string, ciphertext []byte) {
		key, public := vectorKey(t, spec)
		got, ok := key.Decrypt(algorithm, ciphertext)
		require.True(t, ok)
		require.Equal(t, plaintext, got)
		own, err := public.Encrypt(algorithm, plaintext)
		require.NoError(t, err)
		got, ok = key.Decrypt(algorithm, own)
		require.True(t, ok)
		require.Equal(t, plaintext, got)
	})
}

func TestThePlaintextsThatFit(t *testing.T) {
	most := map[string]map[string]int{
		kmsapi.KeySpecRSA2048: {kmsapi.EncryptOAEPSHA256: 190, kmsapi.EncryptOAEPSHA1: 214},
		kmsapi.KeySpecRSA3072: {kmsapi.EncryptOAEPSHA256: 318, kmsapi.EncryptOAEPSHA1: 342},
		kmsapi.KeySpecRSA4096: {kmsapi.EncryptOAEPSHA256: 446, kmsapi.EncryptOAEPSHA1: 470},
	}
	eachVector(t, kmsapi.KeyUsageEncryptDecrypt, func(t *testing.T, spec, algorithm string, _ []byte) {
		key, public := vectorKey(t, spec)
		n := public.MaxPlaintext(algorithm)
		require.Equal(t, most[spec][algorithm], n)
		text := make([]byte, n+1)
		_, _ = rand.Read(text)
		ciphertext, err := public.Encrypt(algorithm, text[:n])
		require.NoError(t, err)
		got, ok := key.Decrypt(algorithm, ciphertext)
		require.True(t, ok)
		require.Equal(t, text[:n], got)
		_, err = public.Encrypt(algorithm, text)
		require.Error(t, err)
	})
}

package sm

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

func vector(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

// pairOf returns OpenSSL's key pair in a file of testdata.
func pairOf(t testing.TB, spec, file string) (*asymmetric.Key, *asymmetric.Public) {
	t.Helper()
	key, err := asymmetric.Parse(spec, vector(t, file+".pkcs8.der"))
	require.NoError(t, err)
	spki, err := key.SPKI()
	require.NoError(t, err)
	public, err := asymmetric.ParsePublic(spec, spki)
	require.NoError(t, err)
	return key, public
}

func TestAPairOfAKMSKeySignsAndDecrypts(t *testing.T) {
	require.True(t, asymmetric.Has(kmsapi.KeySpecSM2))
	for range 20 {
		key, err := asymmetric.Generate(kmsapi.KeySpecSM2)
		require.NoError(t, err)
		encoded, err := key.PKCS8()
		require.NoError(t, err)
		key, err = asymmetric.Parse(kmsapi.KeySpecSM2, encoded)
		require.NoError(t, err)
		spki, err := key.SPKI()
		require.NoError(t, err)
		public, err := asymmetric.ParsePublic(kmsapi.KeySpecSM2, spki)
		require.NoError(t, err)
		digest := bytes.Repeat([]byte{7}, kmsapi.DigestSize)
		signature, err := key.Sign(kmsapi.SignSM2, digest)
		require.NoError(t, err)
		require.True(t, public.Verify(kmsapi.SignSM2, digest, signature))
		ciphertext, err := public.Encrypt(kmsapi.EncryptSM2, digest)
		require.NoError(t, err)
		got, ok := key.Decrypt(kmsapi.EncryptSM2, ciphertext)
		require.True(t, ok)
		require.Equal(t, digest, got)
		key.Clear()
		key.Clear()
	}
}

func TestAPairHasNoAlgorithmOfAnother(t *testing.T) {
	key, public := pairOf(t, kmsapi.KeySpecSM2, "sm2")
	digest, signature := vector(t, "sm2.digest-sm3-za-m.bin"), vector(t, "sm2.sm2dsa.sig")
	require.True(t, public.Verify(kmsapi.SignSM2, digest, signature))
	require.Equal(t, 6047, public.MaxPlaintext(kmsapi.EncryptSM2))
	for _, other := range []string{"", kmsapi.SignECDSA, kmsapi.EncryptOAEPSHA256} {
		require.False(t, public.Verify(other, digest, signature))
		_, err := key.Sign(other, digest)
		require.ErrorIs(t, err, asymmetric.ErrAlgorithm)
		require.Zero(t, public.MaxPlaintext(other))
		_, err = public.Encrypt(other, digest)
		require.ErrorIs(t, err, asymmetric.ErrAlgorithm)
		_, ok := key.Decrypt(other, vector(t, "sm2.sm2pke.c1c3c2.enc"))
		require.False(t, ok)
	}
}

func TestAPairIsOfItsKeySpecAlone(t *testing.T) {
	for spec, file := range map[string]string{
		kmsapi.KeySpecSM2: "sm2", kmsapi.KeySpecP256: "prime256v1", kmsapi.KeySpecP256K: "secp256k1",
	} {
		key, _ := pairOf(t, spec, file)
		der, err := key.PKCS8()
		require.NoError(t, err)
		spki, err := key.SPKI()
		require.NoError(t, err)
		for _, other := range []string{kmsapi.KeySpecSM2, kmsapi.KeySpecP256, kmsapi.KeySpecP256K, kmsapi.KeySpecRSA2048} {
			if other == spec {
				continue
			}
			_, err := asymmetric.Parse(other, der)
			require.ErrorIs(t, err, asymmetric.ErrKey, "%s as %s", spec, other)
			_, err = asymmetric.ParsePublic(other, spki)
			require.ErrorIs(t, err, asymmetric.ErrKey, "%s as %s", spec, other)
		}
	}
}

func TestNoKeySpecIsRegisteredTwice(t *testing.T) {
	for _, spec := range []string{kmsapi.KeySpecSM2, kmsapi.KeySpecP256} {
		require.Panics(t, func() { asymmetric.Register(spec, asymmetric.Scheme{}) })
	}
}

// FuzzPair looks for input that is accepted as a key but can't be encoded, used and parsed again.
func FuzzPair(f *testing.F) {
	f.Add(vector(f, "sm2.pkcs8.der"))
	key, _ := pairOf(f, kmsapi.KeySpecSM2, "sm2")
	spki, err := key.SPKI()
	require.NoError(f, err)
	f.Add(spki)
	f.Fuzz(func(t *testing.T, der []byte) {
		if key, err := asymmetric.Parse(kmsapi.KeySpecSM2, der); err == nil {
			encoded, err := key.PKCS8()
			require.NoError(t, err)
			again, err := asymmetric.Parse(kmsapi.KeySpecSM2, encoded)
			require.NoError(t, err)
			twice, err := again.PKCS8()
			require.NoError(t, err)
			require.Equal(t, encoded, twice)
		}
		if public, err := asymmetric.ParsePublic(kmsapi.KeySpecSM2, der); err == nil {
			_, err := public.Encrypt(kmsapi.EncryptSM2, der[:1])
			require.NoError(t, err)
		}
	})
}

// BenchmarkKey measures what the operations on asymmetric keys do with an SM2 key, and with a P-256 key for comparison:
// each request parses the key and uses it.
func BenchmarkKey(b *testing.B) {
	digest := vector(b, "digest-sha256.bin")
	for spec, file := range map[string]string{kmsapi.KeySpecSM2: "sm2", kmsapi.KeySpecP256: "prime256v1"} {
		key, public := pairOf(b, spec, file)
		der, err := key.PKCS8()
		require.NoError(b, err)
		spki, err := key.SPKI()
		require.NoError(b, err)
		signs := kmsapi.Algorithms(spec, kmsapi.KeyUsageSignVerify)[0]
		signature, err := key.Sign(signs, digest)
		require.NoError(b, err)
		loop(b, spec+"/Generate", func() bool { _, err := asymmetric.Generate(spec); return err == nil })
		loop(b, spec+"/Parse", func() bool { _, err := asymmetric.Parse(spec, der); return err == nil })
		loop(b, spec+"/ParsePublic", func() bool { _, err := asymmetric.ParsePublic(spec, spki); return err == nil })
		loop(b, spec+"/Sign", func() bool { _, err := key.Sign(signs, digest); return err == nil })
		loop(b, spec+"/Verify", func() bool { return public.Verify(signs, digest, signature) })
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageEncryptDecrypt) {
			ciphertext, err := public.Encrypt(algorithm, digest)
			require.NoError(b, err)
			loop(b, spec+"/Encrypt", func() bool { _, err := public.Encrypt(algorithm, digest); return err == nil })
			loop(b, spec+"/Decrypt", func() bool { _, ok := key.Decrypt(algorithm, ciphertext); return ok })
		}
	}
}

func loop(b *testing.B, name string, do func() bool) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !do() {
				b.Fatal("it failed")
			}
		}
	})
}

package asymmetric

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// BenchmarkKey measures what operations do with an asymmetric key: parse it, which each request does again, and use it.
func BenchmarkKey(b *testing.B) {
	digest := readVector(b, "digest-sha256.bin")
	for spec := range vectorFiles {
		key, public := vectorKey(b, spec)
		der, err := key.PKCS8()
		require.NoError(b, err)
		spki, err := key.SPKI()
		require.NoError(b, err)
		loop(b, spec+"/Parse", func() error { _, err := Parse(spec, der); return err })
		loop(b, spec+"/ParsePublic", func() error { _, err := ParsePublic(spec, spki); return err })
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageSignVerify) {
			signature, err := key.Sign(algorithm, digest)
			require.NoError(b, err)
			loop(b, spec+"/Sign "+algorithm, func() error { _, err := key.Sign(algorithm, digest); return err })
			loop(b, spec+"/Verify "+algorithm, func() error {
				if !public.Verify(algorithm, digest, signature) {
					return ErrKey
				}
				return nil
			})
		}
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageEncryptDecrypt) {
			ciphertext, err := public.Encrypt(algorithm, digest)
			require.NoError(b, err)
			loop(b, spec+"/Encrypt "+algorithm, func() error { _, err := public.Encrypt(algorithm, digest); return err })
			loop(b, spec+"/Decrypt "+algorithm, func() error {
				if _, ok := key.Decrypt(algorithm, ciphertext); !ok {
					return ErrKey
				}
				return nil
			})
		}
	}
}

func loop(b *testing.B, name string, do func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, do())
		}
	})
}

// BenchmarkPEM measures encoding a public key.
func BenchmarkPEM(b *testing.B) {
	_, public := vectorKey(b, kmsapi.KeySpecRSA2048)
	spki, err := public.public.SPKI()
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		PEM(spki)
	}
}

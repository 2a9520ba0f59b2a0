//go:build !race

package asymmetric

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestGeneratedRSAKeysWork(t *testing.T) {
	digest := readVector(t, "digest-sha256.bin")
	for _, spec := range []string{kmsapi.KeySpecRSA2048, kmsapi.KeySpecRSA3072, kmsapi.KeySpecRSA4096} {
		t.Run(spec, func(t *testing.T) {
			t.Parallel()
			key, err := Generate(spec)
			require.NoError(t, err)
			encoded, err := key.PKCS8()
			require.NoError(t, err)
			key, err = Parse(spec, encoded)
			require.NoError(t, err)
			signature, err := key.Sign(kmsapi.SignPSS, digest)
			require.NoError(t, err)
			spki, err := key.SPKI()
			require.NoError(t, err)
			public, err := ParsePublic(spec, spki)
			require.NoError(t, err)
			require.True(t, public.Verify(kmsapi.SignPSS, digest, signature))
		})
	}
}

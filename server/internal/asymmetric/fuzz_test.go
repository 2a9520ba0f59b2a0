package asymmetric

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// FuzzPKCS8 looks for keys that Parse accepts but that can't be encoded, used and parsed again.
func FuzzPKCS8(f *testing.F) {
	for _, file := range vectorFiles {
		f.Add(readVector(f, file+".pkcs8.der"))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for spec := range vectorFiles {
			key, err := Parse(spec, der)
			if err != nil {
				require.ErrorIs(t, err, ErrKey)
				continue
			}
			encoded, err := key.PKCS8()
			require.NoError(t, err)
			again, err := Parse(spec, encoded)
			require.NoError(t, err)
			twice, err := again.PKCS8()
			require.NoError(t, err)
			require.Equal(t, encoded, twice)
			spki, err := key.SPKI()
			require.NoError(t, err)
			_, err = ParsePublic(spec, spki)
			require.NoError(t, err)
		}
	})
}

// FuzzSignature looks for invalid signatures that are accepted. Any encoding other than OpenSSL's is invalid.
func FuzzSignature(f *testing.F) {
	for _, spec := range []string{kmsapi.KeySpecP256, kmsapi.KeySpecP256K} {
		f.Add(readVector(f, vectorFiles[spec]+".ecdsa_sha256.sig"))
	}
	digest := readVector(f, "digest-sha256.bin")
	keys := map[string]*Public{}
	for _, spec := range []string{kmsapi.KeySpecP256, kmsapi.KeySpecP256K} {
		_, keys[spec] = vectorKey(f, spec)
	}
	f.Fuzz(func(t *testing.T, signature []byte) {
		for spec, key := range keys {
			if !key.Verify(kmsapi.SignECDSA, digest, signature) {
				continue
			}
			require.LessOrEqual(t, len(signature), 72, spec)
			require.EqualValues(t, 0x30, signature[0])
			require.Len(t, signature, int(signature[1])+2)
		}
	})
}

// FuzzPublicKey looks for keys that ParsePublic accepts but that are encoded differently.
func FuzzPublicKey(f *testing.F) {
	for spec := range vectorFiles {
		key, _ := vectorKey(f, spec)
		spki, err := key.SPKI()
		require.NoError(f, err)
		f.Add(spki)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		for spec := range vectorFiles {
			key, err := ParsePublic(spec, der)
			if err != nil {
				require.ErrorIs(t, err, ErrKey)
				continue
			}
			_, err = key.public.SPKI()
			require.NoError(t, err)
		}
	})
}

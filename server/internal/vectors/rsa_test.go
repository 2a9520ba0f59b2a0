package vectors

import (
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// sureSize is the length from which a message can't equal the random bytes that Unwrap returns on failure.
const sureSize = 16

func TestImportsUnwrapAsWycheproofSays(t *testing.T) {
	for _, test := range []struct{ algorithm, file string }{
		{kmsapi.WrapPKCS1v15, "rsa_pkcs1_2048_test.json"},
		{kmsapi.WrapOAEPSHA1, "rsa_oaep_2048_sha1_mgf1sha1_test.json"},
		{kmsapi.WrapOAEPSHA256, "rsa_oaep_2048_sha256_mgf1sha256_test.json"},
	} {
		t.Run(test.algorithm, func(t *testing.T) {
			valid := 0
			for _, g := range load(t, test.file) {
				key := parseKey(t, g.PrivateKeyPkcs8)
				for _, v := range g.Tests {
					// Unwrap takes no label, so a ciphertext with one is invalid.
					if v.valid() && len(v.Label) == 0 {
						checkValid(t, key, test.algorithm, v)
						valid++
					} else {
						checkInvalid(t, key, test.algorithm, v)
					}
				}
			}
			require.Greater(t, valid, 5)
		})
	}
}

func parseKey(t *testing.T, pkcs8 []byte) *wrapping.Key {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	require.NoError(t, err)
	key, err := wrapping.ParseKey(
		kmsapi.WrappingKeySpecRSA2048, x509.MarshalPKCS1PrivateKey(private.(*rsa.PrivateKey)))
	require.NoError(t, err)
	return key
}

// checkValid unwraps v with its own size, and expects every other size to fail.
func checkValid(t *testing.T, key *wrapping.Key, algorithm string, v vector) {
	t.Helper()
	got, ok := key.Unwrap(algorithm, v.Ct, len(v.Msg))
	require.Equal(t, string(v.Msg), string(got), "%d: %s", v.TcID, v.Comment)
	if len(v.Msg) >= sureSize {
		require.True(t, ok, "%d: %s", v.TcID, v.Comment)
	}
	for _, size := range []int{len(v.Msg) + 1, sureSize, kmsapi.KeyMaterialSize} {
		if size != len(v.Msg) {
			_, ok := key.Unwrap(algorithm, v.Ct, size)
			require.False(t, ok, "%d with size %d: %s", v.TcID, size, v.Comment)
		}
	}
}

func checkInvalid(t *testing.T, key *wrapping.Key, algorithm string, v vector) {
	t.Helper()
	for _, size := range slices.Compact([]int{len(v.Msg), sureSize, kmsapi.KeyMaterialSize}) {
		_, ok := key.Unwrap(algorithm, v.Ct, size)
		require.False(t, ok, "%d with size %d: %s", v.TcID, size, v.Comment)
	}
}

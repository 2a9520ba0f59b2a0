package signing_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// readVector reads a file that OpenSSL has made.
func readVector(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata", name))
	require.NoError(t, err)
	return content
}

func TestTheDigestOfSM2HasThePublicKeyInIt(t *testing.T) {
	plain, err := signing.Parameters{}.Scheme(kmsapi.KeySpecSM2)
	require.NoError(t, err)
	require.True(t, plain.SignsPublicKey())
	public, message := string(readVector(t, "sm2.pub.pem")), readVector(t, "message.bin")
	digest, err := plain.Digest(message, public)
	require.NoError(t, err)
	require.Equal(t, readVector(t, "sm2.digest-sm3-za-m.bin"), digest)

	_, err = plain.Digest(message, string(readVector(t, "prime256v1.pub.pem")))
	require.ErrorContains(t, err, "not one on SM2")
	require.Equal(t, 500, refusal.Status(err))
}

func TestADigestOfSM2IsTakenAsItIs(t *testing.T) {
	prehashed, err := signing.Parameters{Prehashed: true}.Scheme(kmsapi.KeySpecSM2)
	require.NoError(t, err)
	require.False(t, prehashed.SignsPublicKey())
	digest, err := prehashed.Digest(make([]byte, 32), "")
	require.NoError(t, err)
	require.Equal(t, make([]byte, 32), digest)
	_, err = prehashed.Digest(make([]byte, 31), "")
	require.ErrorContains(t, err, "must be SM3(Z || data), of 32")
}

func TestAProgramWithoutSM3SignsDigestsOnly(t *testing.T) {
	sm3 := signing.NewSM3()
	signing.RegisterSM3(nil)
	t.Cleanup(func() { signing.RegisterSM3(sm3) })
	plain, err := signing.Parameters{}.Scheme(kmsapi.KeySpecSM2)
	require.NoError(t, err)
	_, err = plain.Digest([]byte("hello"), string(readVector(t, "sm2.pub.pem")))
	require.ErrorContains(t, err, "built without SM3; give prehashed=true")
	require.Equal(t, 400, refusal.Status(err))
}

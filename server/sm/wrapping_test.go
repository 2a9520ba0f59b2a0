package sm

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// newWrappingKey returns a wrapping key, and its public key as the owner of key material parses it.
func newWrappingKey(t testing.TB) (*wrapping.Key, *sm2key.PublicKey) {
	t.Helper()
	key, err := wrapping.Generate(kmsapi.WrappingKeySpecSM2)
	require.NoError(t, err)
	der, err := key.PublicDER()
	require.NoError(t, err)
	public, err := sm2key.ParsePublic(der)
	require.NoError(t, err)
	return key, public
}

func wrap(t testing.TB, public *sm2key.PublicKey, material []byte) []byte {
	t.Helper()
	wrapped, err := public.Encrypt(material)
	require.NoError(t, err)
	return wrapped
}

func TestKeyMaterialIsUnwrapped(t *testing.T) {
	key, public := newWrappingKey(t)
	for _, size := range []int{kmsapi.MaterialSize(kmsapi.KeySpecAES256), kmsapi.MaterialSize(kmsapi.KeySpecSM4)} {
		material := bytes.Repeat([]byte{9}, size)
		got, ok := key.Unwrap(kmsapi.WrapSM2PKE, wrap(t, public, material), size)
		require.True(t, ok)
		require.Equal(t, material, got)
	}
}

func TestOtherCiphertextsGiveRandomMaterial(t *testing.T) {
	const size = kmsapi.KeyMaterialSize
	key, public := newWrappingKey(t)
	_, other := newWrappingKey(t)
	material := bytes.Repeat([]byte{9}, size)
	good := wrap(t, public, material)
	tests := map[string][]byte{
		"nothing": nil, "one byte too few": good[:len(good)-1], "one byte too many": append(bytes.Clone(good), 0),
		"material for another key": wrap(t, other, material), "material in clear": material,
		"a wrapped key pair": wrap(t, public, make([]byte, 16)),
	}
	for _, n := range []int{1, 16, 31, 33, 64} {
		tests[fmt.Sprintf("material of %d bytes", n)] = wrap(t, public, bytes.Repeat([]byte{7}, n))
	}
	for i := range good {
		changed := bytes.Clone(good)
		changed[i] ^= 0x40
		tests[fmt.Sprintf("byte %d", i)] = changed
	}
	for name, ciphertext := range tests {
		requireRefused(t, key, kmsapi.WrapSM2PKE, ciphertext, name)
	}
	for _, algorithm := range []string{kmsapi.WrapOAEPSHA256, kmsapi.WrapPKCS1v15, kmsapi.WrapSM2KeyPair, ""} {
		requireRefused(t, key, algorithm, good, algorithm)
	}
}

// requireRefused requires that the failure looks like every other failure.
func requireRefused(t *testing.T, key *wrapping.Key, algorithm string, ciphertext []byte, name string) {
	t.Helper()
	first, ok := key.Unwrap(algorithm, ciphertext, kmsapi.KeyMaterialSize)
	require.False(t, ok, name)
	require.Len(t, first, kmsapi.KeyMaterialSize)
	second, ok := key.Unwrap(algorithm, ciphertext, kmsapi.KeyMaterialSize)
	require.False(t, ok, name)
	require.NotEqual(t, first, second, "%s: a failure gives random material", name)
}

func TestAKeyPairIsUnwrapped(t *testing.T) {
	key, public := newWrappingKey(t)
	want, err := sm2key.ParsePrivate(vector(t, "sm2.pkcs8.der"))
	require.NoError(t, err)
	wrapped, err := public.WrapPrivateKey(want.Scalar())
	require.NoError(t, err)
	pkcs8, ok := key.UnwrapPrivateKey(wrapped)
	require.True(t, ok)
	got, err := asymmetric.Parse(kmsapi.KeySpecSM2, pkcs8)
	require.NoError(t, err)
	stored, err := got.PKCS8()
	require.NoError(t, err)
	require.Equal(t, vector(t, "sm2.pkcs8.der"), stored)
	for _, n := range []int{0, 1, 113, 144} {
		pkcs8, ok := key.UnwrapPrivateKey(wrapped[:n])
		require.False(t, ok)
		_, err := asymmetric.Parse(kmsapi.KeySpecSM2, pkcs8)
		require.Error(t, err)
	}
}

func TestANumberWithACopiedBlockIsRefused(t *testing.T) {
	key, public := newWrappingKey(t)
	own, err := sm2key.Generate()
	require.NoError(t, err)
	wrapped, err := public.WrapPrivateKey(own.Scalar())
	require.NoError(t, err)
	for _, block := range [][]byte{wrapped[113:129], wrapped[129:]} {
		_, ok := key.UnwrapPrivateKey(bytes.Join([][]byte{wrapped[:113], block, block}, nil))
		require.False(t, ok)
	}
}

func TestATokenHoldsAnSM2Key(t *testing.T) {
	for code, algorithm := range map[byte]string{5: kmsapi.WrapSM2PKE, 6: kmsapi.WrapSM2KeyPair} {
		key, public := newWrappingKey(t)
		want := wrapping.Token{
			KeyID: "1234abcd-12ab-34cd-56ef-12345678901a", Algorithm: algorithm, Key: key, Expires: time.Unix(1e9, 0).UTC(),
		}
		encoded, err := want.Marshal()
		require.NoError(t, err)
		require.Len(t, encoded, 45+curvekey.Size)
		require.Equal(t, code, encoded[44])
		got, err := wrapping.ParseToken(encoded)
		require.NoError(t, err)
		require.Equal(t, want.Algorithm, got.Algorithm)
		material, ok := got.Key.Unwrap(kmsapi.WrapSM2PKE, wrap(t, public, make([]byte, 32)), 32)
		require.True(t, ok)
		require.Equal(t, make([]byte, 32), material)
		require.Equal(t, "[redacted]", fmt.Sprintf("%+v", got.Key))

		encoded[44] = 3
		_, err = wrapping.ParseToken(encoded)
		require.Error(t, err, "it is no RSA key")
		encoded[44] = code
		_, err = wrapping.ParseToken(append(bytes.Clone(encoded), 0))
		require.Error(t, err)
		_, err = wrapping.ParseToken(append(encoded[:45], make([]byte, 32)...))
		require.Error(t, err, "a number of zero")
	}
}

func TestDataKeysAreWrappedForAnSM2Key(t *testing.T) {
	block, _ := pem.Decode(vector(t, "sm2.pub.pem"))
	public, err := wrapping.ParsePublic(kmsapi.WrappingKeySpecSM2, base64.StdEncoding.EncodeToString(block.Bytes))
	require.NoError(t, err)
	require.Equal(t, 6047, public.MaxWrapped(kmsapi.WrapSM2PKE))
	require.Zero(t, public.MaxWrapped(kmsapi.WrapOAEPSHA256))
	require.False(t, public.Approved())
	wrapped, err := public.Wrap(kmsapi.WrapSM2PKE, []byte("a data key"))
	require.NoError(t, err)
	key, _ := pairOf(t, kmsapi.KeySpecSM2, "sm2")
	got, ok := key.Decrypt(kmsapi.EncryptSM2, wrapped)
	require.True(t, ok)
	require.Equal(t, "a data key", string(got))
	for _, name := range []string{"rsa_2048", "prime256v1"} {
		block, _ := pem.Decode(vector(t, name+".pub.pem"))
		_, err := wrapping.ParsePublic(kmsapi.WrappingKeySpecSM2, base64.StdEncoding.EncodeToString(block.Bytes))
		require.ErrorContains(t, err, "it is not a DER SubjectPublicKeyInfo of a key on SM2")
	}
}

package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestWrappedMaterialIsImportedByTheService(t *testing.T) {
	c := clientOf(t, kmstest.New(t), nil)
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal})
	require.NoError(t, err)
	id := made.KeyMetadata.KeyId
	// All three are the same material, since the service refuses any other after the first.
	for _, algorithm := range []string{kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapPKCS1v15} {
		got, err := c.GetParametersForImport(t.Context(), &kmsapi.GetParametersForImportRequest{
			KeyId: id, WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
		})
		require.NoError(t, err)
		der, err := base64.StdEncoding.DecodeString(got.PublicKey)
		require.NoError(t, err)
		key, err := client.ParseImportKey(der)
		require.NoError(t, err)
		wrapped, err := client.WrapKeyMaterial(algorithm, key, []byte("0123456789abcdef0123456789abcdef"))
		require.NoError(t, err)
		_, err = c.ImportKeyMaterial(t.Context(), &kmsapi.ImportKeyMaterialRequest{
			KeyId: id, ImportToken: got.ImportToken, EncryptedKeyMaterial: wrapped,
		})
		require.NoError(t, err, algorithm)
	}
}

func TestUnsuitableWrappingKeysAreRefused(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		key  any
		says string
	}{
		"RSA of 1024 bits":  {&small.PublicKey, "1024 bits"},
		"an elliptic curve": {&curve.PublicKey, "not of RSA"},
	} {
		t.Run(name, func(t *testing.T) {
			der, err := x509.MarshalPKIXPublicKey(c.key)
			require.NoError(t, err)
			_, err = client.ParseImportKey(der)
			require.ErrorContains(t, err, c.says)
		})
	}
	for name, der := range map[string][]byte{
		"nothing": nil, "garbage": []byte("garbage"), "a private key": x509.MarshalPKCS1PrivateKey(small),
		"a key of PKCS #1": x509.MarshalPKCS1PublicKey(&small.PublicKey),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.ParseImportKey(der)
			require.ErrorContains(t, err, "SubjectPublicKeyInfo")
		})
	}
}

func TestMaterialThatKMSWouldRefuseIsNotWrapped(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, size := range []int{0, 15, 17, 31, 33, 64} {
		_, err := client.WrapKeyMaterial(kmsapi.WrapOAEPSHA256, &key.PublicKey, make([]byte, size))
		require.ErrorContains(t, err, "32 bytes")
	}
	_, err = client.WrapKeyMaterial(kmsapi.WrapOAEPSHA256, &key.PublicKey, make([]byte, 16))
	require.NoError(t, err, "that of SM4")
	_, err = client.WrapKeyMaterial(kmsapi.WrapKeyPair, &key.PublicKey, ofOpenSSL(t, "sm2.pkcs8.der"))
	require.ErrorContains(t, err, "EC_SM2 can't be wrapped with "+kmsapi.WrapKeyPair)
	_, err = client.WrapKeyMaterial(kmsapi.WrapSM2PKE, &key.PublicKey, make([]byte, 32))
	require.ErrorContains(t, err, kmsapi.WrapOAEPSHA256)
	_, err = client.WrapKeyMaterial("RSAES_OAEP_SHA_512", &key.PublicKey, make([]byte, 32))
	require.ErrorContains(t, err, kmsapi.WrapOAEPSHA256)
}

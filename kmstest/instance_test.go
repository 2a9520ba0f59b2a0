package kmstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAnInstance(t *testing.T) {
	kms := kmstest.Configured(t, func(c *server.Config) {
		require.NoError(t, kmstest.AddInstance(c, server.Instance{ID: "kst-other", Kind: server.KindHardware}))
	})
	shared, err := client.New(kms.ClientConfig())
	require.NoError(t, err)
	defer shared.Close()
	c := shared.Instance(kms.Instance.ID)
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{DKMSInstanceId: kms.Instance.ID})
	require.NoError(t, err)
	require.Regexp(t, "^key-dev.{18}$", made.KeyMetadata.KeyId)
	blob, err := c.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: made.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("x")})
	require.NoError(t, err)
	for _, view := range []*client.Client{c, shared} {
		opened, err := view.Decrypt(t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: blob.CiphertextBlob})
		require.NoError(t, err)
		require.Equal(t, "x", opened.Plaintext.Reveal())
	}
	_, err = shared.Instance("kst-other").Decrypt(t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: blob.CiphertextBlob})
	require.ErrorIs(t, err, kmsapi.ErrKeyNotFound)
	require.NoError(t, kms.RenewCertificate(kms.Instance.ID))
	_, err = c.GenerateDataKey(t.Context(), &kmsapi.GenerateDataKeyRequest{KeyId: made.KeyMetadata.KeyId})
	require.NoError(t, err)
	got, err := c.GetKmsInstance(t.Context(), &kmsapi.GetKmsInstanceRequest{KmsInstanceId: kms.Instance.ID})
	require.NoError(t, err)
	require.Equal(t, kms.Instance.CACert, got.KmsInstance.CaCertificateChainPem)
	require.NoError(t, kms.ReplaceInstanceCA())
	c.Close()
	_, err = c.GenerateDataKey(t.Context(), &kmsapi.GenerateDataKeyRequest{KeyId: made.KeyMetadata.KeyId})
	t.Log(err)
}

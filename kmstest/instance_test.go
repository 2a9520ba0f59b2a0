package kmstest_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// dial returns a client of the dedicated gateway of a KMS instance.
func dial(t *testing.T, kms *kmstest.KMS, id string) *client.Client {
	t.Helper()
	shared, err := client.New(kms.ClientConfig())
	require.NoError(t, err)
	t.Cleanup(shared.Close)
	return shared.Instance(id)
}

// roundTrip makes a key in a KMS instance, encrypts with it and decrypts again.
func roundTrip(t *testing.T, c *client.Client, id string) error {
	t.Helper()
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{DKMSInstanceId: id})
	require.NoError(t, err)
	sealed, err := c.Encrypt(t.Context(), &kmsapi.EncryptRequest{
		KeyId: made.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("x"),
	})
	if err != nil {
		return err
	}
	opened, err := c.Decrypt(t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: sealed.CiphertextBlob})
	require.NoError(t, err)
	require.Equal(t, "x", opened.Plaintext.Reveal())
	return nil
}

func TestAnInstanceIsAlwaysThere(t *testing.T) {
	kms := kmstest.New(t)
	c := dial(t, kms, kms.Instance.ID)
	require.NoError(t, roundTrip(t, c, "kst-dev"))
	kms.Restart()
	require.NoError(t, roundTrip(t, c, "kst-dev"), "at the same endpoint")
	got, err := c.GetKmsInstance(t.Context(), &kmsapi.GetKmsInstanceRequest{KmsInstanceId: "kst-dev"})
	require.NoError(t, err)
	require.Equal(t, kms.Instance.CACert, got.KmsInstance.CaCertificateChainPem)
}

func TestMoreInstances(t *testing.T) {
	kms := kmstest.Configured(t, func(c *server.Config) {
		require.NoError(t, kmstest.AddInstance(c, server.Instance{ID: "kst-more", Kind: server.KindHardware}))
	})
	require.NotEqual(t, kms.Instance.Endpoint, kms.InstanceCalled("kst-more").Endpoint)
	require.NoError(t, roundTrip(t, dial(t, kms, "kst-more"), "kst-more"))
}

func TestAGatewayThatSendsTheLeafAlone(t *testing.T) {
	kms := kmstest.Configured(t, kmstest.LeafAlone)
	require.NoError(t, roundTrip(t, dial(t, kms, "kst-dev"), "kst-dev"))
}

func TestCertificatesAreRenewedAndReplaced(t *testing.T) {
	kms := kmstest.New(t)
	c := dial(t, kms, "kst-dev")
	require.NoError(t, kms.RenewCertificate("kst-dev"))
	require.NoError(t, roundTrip(t, c, "kst-dev"))
	require.NoError(t, kms.ReplaceInstanceCA())
	kms.Restart()
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, roundTrip(t, c, "kst-dev"), &unknown)
	require.NotEqual(t, kms.Instance.CACert, kms.InstanceCalled("kst-dev").CACert)
	require.NoError(t, roundTrip(t, dial(t, kms, "kst-dev"), "kst-dev"), "today's client has the new CA")
}

package client_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// clientOf returns a client for a running service. change, which may be nil, adapts its configuration.
func clientOf(t *testing.T, kms *kmstest.KMS, change func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{
		Endpoint: kms.Endpoint, CACert: kms.CACert, Region: kms.Region,
		Credentials: client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kms.AccessKeySecret},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := client.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestEveryOperationWorksAgainstTheService(t *testing.T) {
	ctx, kms := t.Context(), kmstest.New(t)
	c := clientOf(t, kms, nil)
	created, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Description: "a b+c 密钥"})
	require.NoError(t, err)
	require.NotEmpty(t, created.RequestId)
	require.Equal(t, "a b+c 密钥", created.KeyMetadata.Description)
	id := created.KeyMetadata.KeyId

	described, err := c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: id})
	require.NoError(t, err)
	require.Equal(t, created.KeyMetadata, described.KeyMetadata)
	listed, err := c.ListKeys(ctx, &kmsapi.ListKeysRequest{})
	require.NoError(t, err)
	require.Equal(t, []kmsapi.KeyEntry{{KeyId: id, KeyArn: created.KeyMetadata.Arn}}, listed.Keys.Key)
	regions, err := c.DescribeRegions(ctx, &kmsapi.DescribeRegionsRequest{})
	require.NoError(t, err)
	require.Len(t, regions.Regions.Region, len(kmsapi.Regions()))

	encCtx := kmsapi.EncryptionContext{"who": "payroll & co", "": "<empty>"}
	sealed, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{
		KeyId: id, Plaintext: kmsapi.NewSecret("c2VjcmV0"), EncryptionContext: encCtx,
	})
	require.NoError(t, err)
	opened, err := c.Decrypt(ctx, &kmsapi.DecryptRequest{
		CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: encCtx,
	})
	require.NoError(t, err)
	require.Equal(t, "c2VjcmV0", opened.Plaintext.Reveal())
	require.Equal(t, id, opened.KeyId)
	_, err = c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: sealed.CiphertextBlob})
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
	dataKey, err := c.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: id, NumberOfBytes: 64})
	require.NoError(t, err)
	opened, err = c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: dataKey.CiphertextBlob})
	require.NoError(t, err)
	require.Equal(t, dataKey.Plaintext.Reveal(), opened.Plaintext.Reveal())

	_, err = c.DisableKey(ctx, &kmsapi.DisableKeyRequest{KeyId: id})
	require.NoError(t, err)
	_, err = c.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret("c2VjcmV0")})
	require.ErrorIs(t, err, kmsapi.ErrRejectedDisabled)
	_, err = c.EnableKey(ctx, &kmsapi.EnableKeyRequest{KeyId: id})
	require.NoError(t, err)
	_, err = c.ScheduleKeyDeletion(ctx, &kmsapi.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: 7})
	require.NoError(t, err)
	_, err = c.CancelKeyDeletion(ctx, &kmsapi.CancelKeyDeletionRequest{KeyId: id})
	require.NoError(t, err)
}

func TestClientWithAWrongClockLearnsTheServicesTime(t *testing.T) {
	for name, off := range map[string]time.Duration{"an hour behind": -time.Hour, "a day ahead": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			kms := kmstest.New(t)
			c := clientOf(t, kms, func(cfg *client.Config) {
				cfg.Clock = func() time.Time { return time.Now().Add(off) }
			})
			for range 3 {
				_, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
				require.NoError(t, err)
			}
			listed, err := c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{})
			require.NoError(t, err)
			require.Equal(t, 3, listed.TotalCount, "no request ran twice")
		})
	}
}

func TestWrongSecretIsRefusedWithoutThePlaintextInTheError(t *testing.T) {
	kms := kmstest.New(t)
	c := clientOf(t, kms, func(cfg *client.Config) {
		cfg.Credentials = client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kmsapi.NewSecret("wrong")}
	})
	_, err := c.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: "k", Plaintext: kmsapi.NewSecret("MARKERPLAINTEXT")})
	require.ErrorIs(t, err, kmsapi.ErrIncompleteSignature)
	require.NotContains(t, err.Error(), "MARKERPLAINTEXT")
}

func TestClientSurvivesARestartOfTheService(t *testing.T) {
	kms := kmstest.New(t)
	// A clock that is a little behind gives requests a timestamp from before the restart.
	c := clientOf(t, kms, func(cfg *client.Config) {
		cfg.Clock = func() time.Time { return time.Now().Add(-1500 * time.Millisecond) }
	})
	created, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	kms.Restart()
	id := created.KeyMetadata.KeyId
	_, err = c.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
	require.NoError(t, err, "the client replaces the broken connection on its own")
}

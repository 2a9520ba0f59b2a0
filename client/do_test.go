package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestEveryOperationCanBeSentWithoutAMethodOfItsOwn(t *testing.T) {
	c := clientOf(t, kmstest.New(t), nil)
	for _, op := range kmsapi.Operations() {
		answer, err := c.Do(t.Context(), op.NewRequest())
		if err != nil {
			require.ErrorIs(t, err, kmsapi.ErrMissingParameter, op)
			require.Nil(t, answer)
			continue
		}
		require.IsType(t, op.NewRequest().NewResponse(), answer)
		require.NotEmpty(t, answer.ID())
	}
}

func TestBytes(t *testing.T) {
	ctx := t.Context()
	c := clientOf(t, kmstest.New(t), nil)
	created, err := client.Do(ctx, c, &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	id, bound := created.KeyMetadata.KeyId, kmsapi.EncryptionContext{"app": "payroll"}
	for name, plaintext := range map[string][]byte{
		"plain ASCII":              []byte("hello"),
		"bytes that are not UTF-8": {0xff, 0x00, 0xfe},
		"as many as KMS takes":     make([]byte, kmsapi.MaxPlaintext),
	} {
		t.Run(name, func(t *testing.T) {
			blob, err := c.EncryptBytes(ctx, id, plaintext, bound)
			require.NoError(t, err)
			opened, openedBy, err := c.DecryptBytes(ctx, blob, bound)
			require.NoError(t, err)
			require.Equal(t, plaintext, opened)
			require.Equal(t, id, openedBy)
			_, _, err = c.DecryptBytes(ctx, blob, nil)
			require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
		})
	}
	t.Run("that another program encrypted as a string", func(t *testing.T) {
		sealed, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret("not base64!")})
		require.NoError(t, err)
		_, _, err = c.DecryptBytes(ctx, sealed.CiphertextBlob, nil)
		require.ErrorIs(t, err, client.ErrNotBase64)
	})
}

package sdk

import (
	"testing"

	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/wrappers/alicloudkms/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newWrapper returns Vault's seal "alicloudkms", set up as if by its configuration.
func newWrapper(t *testing.T, as access, keyID string) (*alicloudkms.Wrapper, error) {
	w := alicloudkms.NewWrapper()
	_, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(map[string]string{
		"kms_key_id": keyID, "region": kmsapi.DefaultRegion, "domain": dev.address, "access_key": as.id,
		"secret_key": as.secret,
	}))
	return w, err
}

func TestVaultsSealWorks(t *testing.T) {
	p := dialects[len(dialects)-1].player(t)
	key, name := p.newKey(kmsapi.CreateKeyRequest{}), newAlias()
	p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: key.KeyId})
	for title, keyID := range map[string]string{"by key id": key.KeyId, "by alias": name} {
		t.Run(title, func(t *testing.T) {
			w, err := newWrapper(t, dev.access, keyID)
			require.NoError(t, err)
			secret, aad := pattern(100_000), wrapping.WithAad([]byte("the path"))
			sealed, err := w.Encrypt(t.Context(), secret, aad)
			require.NoError(t, err)
			require.Equal(t, key.KeyId, sealed.KeyInfo.KeyId)
			current, err := w.KeyId(t.Context())
			require.NoError(t, err)
			require.Equal(t, key.KeyId, current)

			again, err := newWrapper(t, dev.access, keyID)
			require.NoError(t, err)
			opened, err := again.Decrypt(t.Context(), sealed, aad)
			require.NoError(t, err)
			require.Equal(t, secret, opened)
			require.Len(t, p.decrypt(string(sealed.KeyInfo.WrappedKey), nil).Plaintext.Reveal(), 44,
				"base64 of the 32 bytes that the seal generated")
		})
	}
}

// Vault must not start with a seal that can't unseal.
func TestVaultsSealFailsAtStartIfItCannotUseItsKey(t *testing.T) {
	p := dialects[len(dialects)-1].player(t)
	key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
	for name, tc := range map[string]struct {
		as    access
		keyID string
		code  string
	}{
		"a wrong secret": {access{id: dev.id, secret: "another secret"}, key, "ErrorCode: IncompleteSignature"},
		"an unknown access key": {
			access{id: "LTAIunknown", secret: dev.secret},
			key,
			"ErrorCode: InvalidAccessKeyId.NotFound",
		},
		"a key that does not exist": {dev.access, "8d6b5f50-7e57-4a0e-9d6f-000000000000", "ErrorCode: Forbidden.KeyNotFound"},
		"an unknown alias":          {dev.access, newAlias(), "ErrorCode: Forbidden.AliasNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newWrapper(t, tc.as, tc.keyID)
			require.ErrorContains(t, err, tc.code)
		})
	}
}

func TestVaultsSealFailsWhileItsKeyIsDisabled(t *testing.T) {
	p := dialects[len(dialects)-1].player(t)
	key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
	w, err := newWrapper(t, dev.access, key)
	require.NoError(t, err)
	sealed, err := w.Encrypt(t.Context(), []byte("secret"))
	require.NoError(t, err)

	disable, enable := &kmsapi.DisableKeyRequest{}, &kmsapi.EnableKeyRequest{}
	disable.KeyId, enable.KeyId = key, key
	p.must(disable)
	_, err = w.Decrypt(t.Context(), sealed)
	require.ErrorContains(t, err, "ErrorCode: Rejected.Disabled")
	p.must(enable)
	opened, err := w.Decrypt(t.Context(), sealed)
	require.NoError(t, err)
	require.Equal(t, "secret", string(opened))
}

package signature_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

func TestCredentialsAreEqualIfAllTheirPartsAre(t *testing.T) {
	made := func(id, secret, token string) signature.Credentials {
		return signature.Credentials{
			AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(secret), SecurityToken: kmsapi.NewSecret(token),
		}
	}
	one := made("id", "secret", "token")
	require.True(t, one.Equal(made("id", "secret", "token")))
	require.True(t, signature.Credentials{}.Equal(signature.Credentials{}))
	for name, other := range map[string]signature.Credentials{
		"another id":     made("other", "secret", "token"),
		"another secret": made("id", "other", "token"),
		"another token":  made("id", "secret", "other"),
		"no token":       made("id", "secret", ""),
		"moved bytes":    made("id", "secrett", "oken"),
	} {
		require.False(t, one.Equal(other), name)
		require.False(t, other.Equal(one), name)
	}
}

package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAnAsymmetricKeyHasVersionsAndNoRotationPolicy(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey("KeySpec", "EC_P256")
	first := l.listed(id)[0]
	made := l.must("CreateKeyVersion", "KeyId", id).KeyVersion
	require.Equal(t, []string{made.KeyVersionId, first}, l.listed(id))
	public := map[string]bool{}
	for _, version := range l.listed(id) {
		public[l.must("GetPublicKey", "KeyId", id, "KeyVersionId", version).PublicKey] = true
	}
	require.Len(t, public, 2, "each version is a key pair of its own")
	got := l.metadata(id)
	require.Empty(t, got.PrimaryKeyVersion, "the caller names a version in each request")
	require.Equal(t, "Disabled", got.AutomaticRotation)

	rotated := []string{"EnableAutomaticRotation", "true", "RotationInterval", "7d"}
	for _, enable := range []string{"true", "false"} {
		l.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", enable, "RotationInterval", "7d").
			refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	}
	l.do("CreateKey", append(rotated, "KeySpec", "EC_P256")...).refused(t, kmsapi.ErrRejectedUnsupportedOperation)
}

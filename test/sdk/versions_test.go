package sdk

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeysHaveVersions(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		blob := p.encrypt(key.KeyId, "text", nil).CiphertextBlob
		made := do[kmsapi.CreateKeyVersionResponse](p, &kmsapi.CreateKeyVersionRequest{KeyId: key.KeyId}).KeyVersion
		require.Equal(p, key.KeyId, made.KeyId)
		requireRecent(p, made.CreationDate)
		described := do[kmsapi.DescribeKeyVersionResponse](p,
			&kmsapi.DescribeKeyVersionRequest{KeyId: key.KeyId, KeyVersionId: made.KeyVersionId})
		require.Equal(p, made, described.KeyVersion)
		after := p.describe(key.KeyId)
		require.Equal(p, made.KeyVersionId, after.PrimaryKeyVersion)
		require.Equal(p, made.CreationDate, after.LastRotationDate)

		want := []string{made.KeyVersionId, key.PrimaryKeyVersion}
		for number, id := range want {
			page := do[kmsapi.ListKeyVersionsResponse](p,
				&kmsapi.ListKeyVersionsRequest{KeyId: key.KeyId, PageNumber: number + 1, PageSize: 1})
			require.Equal(p, []int{number + 1, 1, 2}, []int{page.PageNumber, page.PageSize, page.TotalCount})
			require.Len(p, page.KeyVersions.KeyVersion, 1)
			require.Equal(p, id, page.KeyVersions.KeyVersion[0].KeyVersionId, "the newest first")
		}
		opened := do[kmsapi.DecryptResponse](p, &kmsapi.DecryptRequest{CiphertextBlob: blob})
		require.Equal(p, key.PrimaryKeyVersion, opened.KeyVersionId)
		require.Equal(p, made.KeyVersionId, p.encrypt(key.KeyId, "text", nil).KeyVersionId)

		other := p.newKey(kmsapi.CreateKeyRequest{})
		p.refused(kmsapi.ErrKeyVersionNotFound,
			&kmsapi.DescribeKeyVersionRequest{KeyId: other.KeyId, KeyVersionId: made.KeyVersionId})
		external := p.newKey(kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal})
		p.refused(kmsapi.ErrRejectedPendingImport, &kmsapi.CreateKeyVersionRequest{KeyId: external.KeyId})
	})
}

func TestKeysHaveARotationPolicy(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{EnableAutomaticRotation: true, RotationInterval: "7d"})
		require.Equal(p, kmsapi.RotationEnabled, key.AutomaticRotation)
		require.Equal(p, "604800s", key.RotationInterval)
		next := parseTime(p, key.LastRotationDate).Add(7 * 24 * time.Hour)
		require.Equal(p, next, parseTime(p, key.NextRotationDate))

		update := &kmsapi.UpdateRotationPolicyRequest{
			KeyId: key.KeyId, EnableAutomaticRotation: true, RotationInterval: "605800s",
		}
		p.must(update)
		require.Equal(p, "605800s", p.describe(key.KeyId).RotationInterval)
		p.must(&kmsapi.DisableKeyRequest{KeyId: key.KeyId})
		require.Equal(p, kmsapi.RotationSuspended, p.describe(key.KeyId).AutomaticRotation)
		p.refused(kmsapi.ErrRejectedDisabled, update)
		p.must(&kmsapi.EnableKeyRequest{KeyId: key.KeyId})
		p.must(&kmsapi.UpdateRotationPolicyRequest{KeyId: key.KeyId})
		off := p.describe(key.KeyId)
		require.Equal(p, kmsapi.RotationDisabled, off.AutomaticRotation)
		require.Empty(p, off.RotationInterval+off.NextRotationDate)

		p.refused(kmsapi.ErrRejectedUnsupportedOperation, &kmsapi.CreateKeyRequest{
			Origin: kmsapi.OriginExternal, EnableAutomaticRotation: true, RotationInterval: "7d",
		})
		update.RotationInterval = "6d"
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("RotationInterval"), update)
	})
}

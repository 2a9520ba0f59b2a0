package sdk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeysLiveAsTheReferenceSays(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{Description: `a key of "ours" & <others>, 密钥 +%2B*~`})
		require.Equal(p, kmsapi.Enabled, key.KeyState)
		require.Equal(p, kmsapi.OriginKMS, key.Origin)
		require.Equal(p, kmsapi.ProtectionSoftware, key.ProtectionLevel)
		require.Equal(p, kmsapi.KeyUsageEncryptDecrypt, key.KeyUsage)
		require.Equal(p, kmsapi.KeySpecAES256, key.KeySpec)
		require.Equal(p, `a key of "ours" & <others>, 密钥 +%2B*~`, key.Description)
		require.Equal(p, fmt.Sprintf("acs:kms:%s:%s:key/%s", kmsapi.DefaultRegion, key.Creator, key.KeyId), key.Arn)
		require.Empty(p, key.DeleteDate)
		requireRecent(p, key.CreationDate)
		require.Equal(p, key, p.describe(key.KeyId), "DescribeKey returns the same as CreateKey")

		name := key.KeyId
		p.must(&kmsapi.DisableKeyRequest{KeyId: name})
		require.Equal(p, kmsapi.Disabled, p.describe(key.KeyId).KeyState)
		p.must(&kmsapi.EnableKeyRequest{KeyId: name})
		require.Equal(p, kmsapi.Enabled, p.describe(key.KeyId).KeyState)

		p.must(&kmsapi.ScheduleKeyDeletionRequest{KeyId: key.KeyId, PendingWindowInDays: 7})
		doomed := p.describe(key.KeyId)
		require.Equal(p, kmsapi.PendingDeletion, doomed.KeyState)
		require.WithinDuration(p, time.Now().Add(7*24*time.Hour), parseTime(p, doomed.DeleteDate), time.Minute)
		p.refused(kmsapi.ErrStateModifiedFailed, &kmsapi.EnableKeyRequest{KeyId: name})

		p.must(&kmsapi.CancelKeyDeletionRequest{KeyId: name})
		saved := p.describe(key.KeyId)
		require.Equal(p, kmsapi.Enabled, saved.KeyState)
		require.Empty(p, saved.DeleteDate)
	})
}

func TestDescriptionsOfMaximumLengthAreAccepted(t *testing.T) {
	everyDialect(t, func(p player) {
		description := strings.Repeat("密", kmsapi.MaxDescription)
		require.Equal(p, description, p.newKey(kmsapi.CreateKeyRequest{Description: description}).Description)
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("Description"),
			&kmsapi.CreateKeyRequest{Description: description + "钥"})
	})
}

func TestListKeysPagesThroughAllKeys(t *testing.T) {
	everyDialect(t, func(p player) {
		const size = 7
		want := map[string]string{}
		for range size + 1 {
			key := p.newKey(kmsapi.CreateKeyRequest{})
			want[key.KeyId] = key.Arn
		}
		total := do[kmsapi.ListKeysResponse](p, &kmsapi.ListKeysRequest{PageSize: 1}).TotalCount
		found := map[string]string{}
		for number := 1; len(found) < total; number++ {
			page := do[kmsapi.ListKeysResponse](p, &kmsapi.ListKeysRequest{PageNumber: number, PageSize: size})
			require.Equal(p, []int{number, size, total}, []int{page.PageNumber, page.PageSize, page.TotalCount})
			require.Len(p, page.Keys.Key, min(size, total-len(found)))
			for _, key := range page.Keys.Key {
				require.NotContains(p, found, key.KeyId, "a key on two pages")
				found[key.KeyId] = key.KeyArn
			}
		}
		require.Subset(p, found, want)
		beyond := do[kmsapi.ListKeysResponse](p, &kmsapi.ListKeysRequest{PageNumber: total + 1, PageSize: size})
		require.Empty(p, beyond.Keys.Key)
		require.Equal(p, total, beyond.TotalCount)
	})
}

func TestDescribeRegionsListsTheReferencesRegions(t *testing.T) {
	everyDialect(t, func(p player) {
		var want []kmsapi.RegionEntry
		for _, region := range kmsapi.Regions() {
			want = append(want, kmsapi.RegionEntry{RegionId: region.ID})
		}
		require.Equal(p, want, do[kmsapi.DescribeRegionsResponse](p, &kmsapi.DescribeRegionsRequest{}).Regions.Region)
	})
}

func parseTime(t require.TestingT, text string) time.Time {
	at, err := time.Parse(kmsapi.TimeFormat, text)
	require.NoError(t, err)
	return at
}

func requireRecent(t require.TestingT, text string) {
	require.WithinDuration(t, time.Now(), parseTime(t, text), time.Minute)
}

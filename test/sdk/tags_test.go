package sdk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (p player) tagsOf(keyID string) map[string]string {
	p.Helper()
	request := &kmsapi.ListResourceTagsRequest{}
	request.KeyId = keyID
	found := map[string]string{}
	for _, tag := range do[kmsapi.ListResourceTagsResponse](p, request).Tags.Tag {
		require.Equal(p, keyID, tag.KeyId)
		require.NotContains(p, found, tag.TagKey)
		found[tag.TagKey] = tag.TagValue
	}
	return found
}

func TestTagsAreAddedChangedAndRemoved(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		require.Empty(p, p.tagsOf(key))
		p.must(&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{
			{TagKey: "team", TagValue: "payroll"}, {TagKey: "a/b_c-d.e+f=g@h:i", TagValue: "+=/@"}, {TagKey: "empty"},
		}})
		require.Equal(p, map[string]string{"team": "payroll", "a/b_c-d.e+f=g@h:i": "+=/@", "empty": ""}, p.tagsOf(key))
		p.must(&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{{TagKey: "team", TagValue: "finance"}}})
		require.Equal(p, "finance", p.tagsOf(key)["team"])
		p.must(&kmsapi.UntagResourceRequest{KeyId: key, TagKeys: kmsapi.TagKeys{"a/b_c-d.e+f=g@h:i", "empty"}})
		require.Equal(p, map[string]string{"team": "finance"}, p.tagsOf(key))
	})
}

func TestBadTagsAreRefused(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		var full kmsapi.Tags
		for i := range kmsapi.MaxTags {
			full = append(full, kmsapi.Tag{TagKey: fmt.Sprint("tag", i), TagValue: "value"})
		}
		p.must(&kmsapi.TagResourceRequest{KeyId: key, Tags: full})
		require.Len(p, p.tagsOf(key), kmsapi.MaxTags)
		p.refused(kmsapi.ErrLimitExceeded,
			&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{{TagKey: "one-more", TagValue: "value"}}})
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("Tags"),
			&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{{TagKey: "acs:mine", TagValue: "value"}}})
		require.Len(p, p.tagsOf(key), kmsapi.MaxTags, "a refused request changes nothing")
	})
}

// rowsOf returns the tags of keys that today's operations list, as key=value by id.
func (p player) rowsOf(ids ...string) map[string][]string {
	p.Helper()
	found := map[string][]string{}
	answer := do[kmsapi.ListTagResourcesResponse](p,
		&kmsapi.ListTagResourcesRequest{ResourceType: kmsapi.ResourceTypeKey, ResourceIds: ids})
	require.Empty(p, answer.NextToken)
	for _, row := range answer.TagResources.TagResource {
		require.Equal(p, kmsapi.ResourceTypeKey, row.ResourceType)
		found[row.ResourceId] = append(found[row.ResourceId], row.TagKey+"="+row.TagValue)
	}
	return found
}

func TestTagsOfSeveralKeys(t *testing.T) {
	everyDialect(t, func(p player) {
		one := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		two := p.newKey(kmsapi.CreateKeyRequest{Tags: kmsapi.Tags{{TagKey: "team", TagValue: "hr"}}}).KeyId
		require.Equal(p, map[string][]string{two: {"team=hr"}}, p.rowsOf(one, two))
		p.must(&kmsapi.TagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{one, two},
			Tags: kmsapi.Tags{
				{TagKey: "team", TagValue: "it"}, {TagKey: "a/b_c-d.e+f=g@h:i", TagValue: "+=/@"}, {TagKey: "empty"},
			},
		})
		tags := []string{"a/b_c-d.e+f=g@h:i=+=/@", "empty=", "team=it"}
		require.Equal(p, map[string][]string{one: tags, two: tags}, p.rowsOf(one, two))
		p.must(&kmsapi.UntagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{one}, TagKeys: kmsapi.TagKeys{"empty", "team"},
		})
		p.must(&kmsapi.UntagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{two}, All: true,
		})
		require.Equal(p, map[string][]string{one: tags[:1]}, p.rowsOf(one, two))
		p.refused(kmsapi.ErrKeyNotFound, &kmsapi.TagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{one, "none"}, Tags: kmsapi.Tags{{TagKey: "a"}},
		})
	})
}

func TestKeysAreFilteredByTheirTags(t *testing.T) {
	everyDialect(t, func(p player) {
		mine := newAlias()[len(kmsapi.AliasPrefix):]
		key := p.newKey(kmsapi.CreateKeyRequest{Tags: kmsapi.Tags{{TagKey: "mine", TagValue: mine}}}).KeyId
		p.newKey(kmsapi.CreateKeyRequest{})
		keys := func(filters ...kmsapi.Filter) (ids []string) {
			answer := do[kmsapi.ListKeysResponse](p, &kmsapi.ListKeysRequest{Filters: filters})
			for _, entry := range answer.Keys.Key {
				ids = append(ids, entry.KeyId)
			}
			require.Len(p, ids, answer.TotalCount)
			return ids
		}
		byTag := kmsapi.Filter{Key: kmsapi.FilterByTagValue, Values: []string{mine, "other"}}
		byState := kmsapi.Filter{Key: kmsapi.FilterByState, Values: []string{"Enabled"}}
		require.Equal(p, []string{key}, keys(byTag, byState))
		p.must(&kmsapi.DisableKeyRequest{KeyId: key})
		require.Empty(p, keys(byTag, byState))
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("Filters"),
			&kmsapi.ListKeysRequest{Filters: kmsapi.Filters{{Key: "State"}}})
	})
}

func TestKeysAreProtectedAndDescribed(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{Description: "old"})
		describe := func() kmsapi.KeyMetadata {
			return do[kmsapi.DescribeKeyResponse](p, &kmsapi.DescribeKeyRequest{KeyId: key.KeyId}).KeyMetadata
		}
		p.must(&kmsapi.UpdateKeyDescriptionRequest{KeyId: key.KeyId, Description: "new"})
		require.Equal(p, "new", describe().Description)
		p.must(&kmsapi.UpdateKeyDescriptionRequest{KeyId: key.KeyId})
		require.Empty(p, describe().Description)

		p.must(&kmsapi.SetDeletionProtectionRequest{
			ProtectedResourceArn: key.Arn, EnableDeletionProtection: true, DeletionProtectionDescription: "in use",
		})
		require.Equal(p, kmsapi.ProtectionEnabled, describe().DeletionProtection)
		require.Equal(p, "in use", describe().DeletionProtectionDescription)
		p.refused(kmsapi.ErrStateModifiedFailed.WithMessage("Deletion protection"),
			&kmsapi.ScheduleKeyDeletionRequest{KeyId: key.KeyId, PendingWindowInDays: 7})
		p.must(&kmsapi.SetDeletionProtectionRequest{ProtectedResourceArn: key.Arn})
		p.must(&kmsapi.ScheduleKeyDeletionRequest{KeyId: key.KeyId, PendingWindowInDays: 7})
	})
}

func TestTheAccountMayUseKMS(t *testing.T) {
	everyDialect(t, func(p player) {
		require.Equal(p, "Enabled",
			do[kmsapi.DescribeAccountKmsStatusResponse](p, &kmsapi.DescribeAccountKmsStatusRequest{}).AccountStatus)
		p.must(&kmsapi.OpenKmsServiceRequest{})
	})
}

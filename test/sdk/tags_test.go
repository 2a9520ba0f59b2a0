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
		var ten kmsapi.Tags
		for i := range kmsapi.MaxTags {
			ten = append(ten, kmsapi.Tag{TagKey: fmt.Sprint("tag", i), TagValue: "value"})
		}
		p.must(&kmsapi.TagResourceRequest{KeyId: key, Tags: ten})
		require.Len(p, p.tagsOf(key), kmsapi.MaxTags)
		p.refused(kmsapi.ErrLimitExceeded,
			&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{{TagKey: "eleventh", TagValue: "value"}}})
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("Tags"),
			&kmsapi.TagResourceRequest{KeyId: key, Tags: kmsapi.Tags{{TagKey: "acs:mine", TagValue: "value"}}})
		require.Len(p, p.tagsOf(key), kmsapi.MaxTags, "a refused request changes nothing")
	})
}

package server_test

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// tagKeys draws tag keys, enough to exceed the number that a CMK may have.
var tagKeys = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]`), 1, 12, rapid.ID)

func (m *model) TagResource(t *rapid.T) {
	k, r := m.pick(t), &kmsapi.TagResourceRequest{}
	r.KeyId = k.id
	after := maps.Clone(k.tags)
	for _, key := range tagKeys.Draw(t, "tags") {
		after[key] = fmt.Sprint(m.day)
		r.Tags = append(r.Tags, kmsapi.Tag{TagKey: key, TagValue: after[key]})
	}
	refusal := k.refusal(tagRefused)
	if refusal == nil && len(after) > kmsapi.MaxTags {
		refusal = kmsapi.ErrLimitExceeded
	}
	_, err := m.client.TagResource(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		k.tags = after
	}
}

func (m *model) UntagResource(t *rapid.T) {
	k, keys := m.pick(t), tagKeys.Draw(t, "tags")
	refusal := k.refusal(tagRefused)
	_, err := m.client.UntagResource(t.Context(), &kmsapi.UntagResourceRequest{KeyId: k.id, TagKeys: keys})
	agree(t, refusal, err)
	if refusal == nil {
		maps.DeleteFunc(k.tags, func(key, _ string) bool { return slices.Contains(keys, key) })
	}
}

// TagResources tags one CMK or two, one of which may be refused.
func (m *model) TagResources(t *rapid.T) {
	r := &kmsapi.TagResourcesRequest{ResourceType: kmsapi.ResourceTypeKey}
	picked := []*modelKey{m.pick(t), m.pick(t)}
	for _, key := range tagKeys.Draw(t, "tags") {
		r.Tags = append(r.Tags, kmsapi.Tag{TagKey: key, TagValue: fmt.Sprint(m.day)})
	}
	var refusal *kmsapi.Error
	after := map[*modelKey]map[string]string{}
	for _, k := range picked {
		r.ResourceIds = append(r.ResourceIds, k.id)
		after[k] = maps.Clone(k.tags)
		for _, tag := range r.Tags {
			after[k][tag.TagKey] = tag.TagValue
		}
		if refusal == nil {
			refusal = k.refusal(tagRefused)
		}
		if refusal == nil && len(after[k]) > kmsapi.MaxTags {
			refusal = kmsapi.ErrLimitExceeded
		}
	}
	_, err := m.client.TagResources(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		for k, tags := range after {
			k.tags = tags
		}
	}
}

func (m *model) UntagResources(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(tagRefused)
	_, err := m.client.UntagResources(t.Context(),
		&kmsapi.UntagResourcesRequest{ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{k.id}, All: true})
	agree(t, refusal, err)
	if refusal == nil {
		clear(k.tags)
	}
}

package server

import (
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// tagResource adds tags to a CMK and changes the values of those that it has: all of them or, if they would be too many,
// none (§4.19).
func (s *Service) tagResource(c *call, r *kmsapi.TagResourceRequest) (*kmsapi.TagResourceResponse, error) {
	return &kmsapi.TagResourceResponse{}, s.changeCMK(c, r.KeyId, func(record *cmkRecord) error {
		if err := record.allows(kmsapi.OpTagResource, c.now); err != nil {
			return err
		}
		if record.Tags == nil {
			record.Tags = map[string]string{}
		}
		for _, tag := range r.Tags {
			record.Tags[tag.TagKey] = tag.TagValue
		}
		if len(record.Tags) > kmsapi.MaxTags {
			return kmsapi.ErrLimitExceeded
		}
		return nil
	})
}

// untagResource removes tags from a CMK. It is no error if it does not have them (§4.20).
func (s *Service) untagResource(c *call, r *kmsapi.UntagResourceRequest) (*kmsapi.UntagResourceResponse, error) {
	return &kmsapi.UntagResourceResponse{}, s.changeCMK(c, r.KeyId, func(record *cmkRecord) error {
		if err := record.allows(kmsapi.OpUntagResource, c.now); err != nil {
			return err
		}
		for _, key := range r.TagKeys {
			delete(record.Tags, key)
		}
		return nil
	})
}

// listResourceTags gives a CMK's tags, in the order of their keys (§4.21).
func (s *Service) listResourceTags(c *call, r *kmsapi.ListResourceTagsRequest) (*kmsapi.ListResourceTagsResponse, error) {
	record, err := s.findForUse(c, byID(r.KeyId), kmsapi.OpListResourceTags)
	if err != nil {
		return nil, err
	}
	tags := make([]kmsapi.TagEntry, 0, len(record.Tags))
	for _, key := range slices.Sorted(maps.Keys(record.Tags)) {
		tags = append(tags, kmsapi.TagEntry{KeyId: record.KeyID, TagKey: key, TagValue: record.Tags[key]})
	}
	return &kmsapi.ListResourceTagsResponse{Tags: kmsapi.TagList{Tag: tags}}, nil
}

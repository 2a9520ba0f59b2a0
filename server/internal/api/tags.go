package api

import (
	"context"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// tagResource adds tags to a CMK, and sets the values of those that it has: all of them or, if they would be too many,
// none (§4.19).
func (a *API) tagResource(
	ctx context.Context, inv *Invocation, r *kmsapi.TagResourceRequest,
) (*kmsapi.TagResourceResponse, error) {
	return &kmsapi.TagResourceResponse{}, a.changeCMK(ctx, inv, r.KeyId, func(cmk *keyring.CMK) error {
		if err := cmk.Allows(inv.Operation, inv.Now); err != nil {
			return err
		}
		if cmk.Tags == nil {
			cmk.Tags = map[string]string{}
		}
		for _, tag := range r.Tags {
			cmk.Tags[tag.TagKey] = tag.TagValue
		}
		if len(cmk.Tags) > kmsapi.MaxTags {
			return kmsapi.ErrLimitExceeded
		}
		return nil
	})
}

// untagResource removes tags from a CMK. Tags that it does not have are not an error (§4.20).
func (a *API) untagResource(
	ctx context.Context, inv *Invocation, r *kmsapi.UntagResourceRequest,
) (*kmsapi.UntagResourceResponse, error) {
	return &kmsapi.UntagResourceResponse{}, a.changeCMK(ctx, inv, r.KeyId, func(cmk *keyring.CMK) error {
		if err := cmk.Allows(inv.Operation, inv.Now); err != nil {
			return err
		}
		for _, key := range r.TagKeys {
			delete(cmk.Tags, key)
		}
		return nil
	})
}

// listResourceTags returns a CMK's tags, in the order of their keys (§4.21).
func (a *API) listResourceTags(
	ctx context.Context, inv *Invocation, r *kmsapi.ListResourceTagsRequest,
) (*kmsapi.ListResourceTagsResponse, error) {
	cmk, err := a.findForUse(ctx, inv, byID(r.KeyId))
	if err != nil {
		return nil, err
	}
	tags := make([]kmsapi.TagEntry, 0, len(cmk.Tags))
	for _, key := range slices.Sorted(maps.Keys(cmk.Tags)) {
		tags = append(tags, kmsapi.TagEntry{KeyId: cmk.KeyID, TagKey: key, TagValue: cmk.Tags[key]})
	}
	return &kmsapi.ListResourceTagsResponse{Tags: kmsapi.TagList{Tag: tags}}, nil
}

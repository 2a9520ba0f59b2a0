package api

import (
	"context"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// tagResource adds tags to a CMK or a secret, and replaces the values of tags that it already has. If there would be
// too many tags, it changes none (§4.19).
func (a *API) tagResource(
	ctx context.Context, inv *Invocation, r *kmsapi.TagResourceRequest,
) (*kmsapi.TagResourceResponse, error) {
	return &kmsapi.TagResourceResponse{}, a.changeTagsOf(ctx, inv, r.KeyId, r.SecretName, addTags(r.Tags))
}

// untagResource removes tags from a CMK or a secret. Tags that it does not have are not an error (§4.20).
func (a *API) untagResource(
	ctx context.Context, inv *Invocation, r *kmsapi.UntagResourceRequest,
) (*kmsapi.UntagResourceResponse, error) {
	return &kmsapi.UntagResourceResponse{}, a.changeTagsOf(ctx, inv, r.KeyId, r.SecretName, removeTags(r.TagKeys))
}

// tagsChange changes the tags of a CMK or a secret.
type tagsChange func(keyring.Tags) error

// addTags adds tags, and replaces the values of existing ones.
func addTags(added kmsapi.Tags) tagsChange {
	return func(tags keyring.Tags) error {
		for _, tag := range added {
			tags[tag.TagKey] = tag.TagValue
		}
		if len(tags) > kmsapi.MaxTags {
			return kmsapi.ErrLimitExceeded
		}
		return nil
	}
}

// removeTags removes the tags that exist.
func removeTags(keys []string) tagsChange {
	return func(tags keyring.Tags) error {
		for _, key := range keys {
			delete(tags, key)
		}
		return nil
	}
}

// changeTagsOf is changeTags for the one CMK or secret that a request names.
func (a *API) changeTagsOf(ctx context.Context, inv *Invocation, keyID, secret string, change tagsChange) error {
	switch {
	case keyID != "" && secret != "":
		return kmsapi.InvalidParameter(secretParam, "Give either it or KeyId, not both.")
	case secret != "":
		return a.changeTags(ctx, inv, kmsapi.ResourceTypeSecret, []string{secret}, change)
	default:
		return a.changeTags(ctx, inv, kmsapi.ResourceTypeKey, []string{keyID}, change)
	}
}

// changeTags changes the tags of several resources of a type in one transaction: if one of them is refused, none is
// changed.
func (a *API) changeTags(
	ctx context.Context, inv *Invocation, resourceType string, ids []string, change tagsChange,
) error {
	step, ok := map[string]func(keyring.Writer, *Invocation, string, tagsChange) error{
		kmsapi.ResourceTypeKey: changeKeyTags, kmsapi.ResourceTypeSecret: changeSecretTags,
	}[resourceType]
	if !ok {
		return kmsapi.ErrResourceNotFound // There are no such resources.
	}
	return a.update(ctx, inv, func(w keyring.Writer) error {
		for _, id := range ids {
			if err := step(w, inv, id, change); err != nil {
				return err
			}
		}
		return nil
	})
}

func changeKeyTags(w keyring.Writer, inv *Invocation, keyID string, change tagsChange) error {
	cmk, err := byID(keyID).forUse(w.Reader, inv)
	if err != nil {
		return err
	}
	tags, err := w.Tags(cmk.KeyID)
	if err != nil {
		return err
	}
	if err := change(tags); err != nil {
		return err
	}
	return w.PutTags(cmk.KeyID, tags)
}

func changeSecretTags(w keyring.Writer, _ *Invocation, name string, change tagsChange) error {
	secret, err := w.Secret(name)
	if err != nil {
		return err
	}
	if err := secret.InDeleteWindow(); err != nil {
		return err
	}
	tags, err := w.SecretTags(name)
	if err != nil {
		return err
	}
	if err := change(tags); err != nil {
		return err
	}
	return w.PutSecretTags(name, tags)
}

// listResourceTags returns a CMK's tags, in the order of their keys (§4.21).
func (a *API) listResourceTags(
	ctx context.Context, inv *Invocation, r *kmsapi.ListResourceTagsRequest,
) (*kmsapi.ListResourceTagsResponse, error) {
	var tags keyring.Tags
	err := a.view(ctx, inv, func(reader keyring.Reader) error {
		cmk, err := byID(r.KeyId).forUse(reader, inv)
		if err != nil {
			return err
		}
		tags, err = reader.Tags(cmk.KeyID)
		return err
	})
	if err != nil {
		return nil, err
	}
	entries := make([]kmsapi.TagEntry, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		entries = append(entries, kmsapi.TagEntry{KeyId: r.KeyId, TagKey: key, TagValue: tags[key]})
	}
	return &kmsapi.ListResourceTagsResponse{Tags: kmsapi.TagList{Tag: entries}}, nil
}

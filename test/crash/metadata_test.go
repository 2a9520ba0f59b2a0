package crash

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// changedDescription begins every description of a CMK except the first one, which identifies the CMK's writer.
const changedDescription = "now "

// describe changes the description of a CMK.
func (w *writer) describe(ctx context.Context, id string) error {
	r := &kmsapi.UpdateKeyDescriptionRequest{KeyId: id, Description: changedDescription + w.unique()}
	return w.change(setKey(id, func(k *key) { k.description = r.Description }),
		discard(w.client.UpdateKeyDescription(ctx, r)))
}

// protect turns the deletion protection of a CMK on, or off.
func (w *writer) protect(ctx context.Context, id string, on bool) error {
	r := &kmsapi.SetDeletionProtectionRequest{KeyId: id, EnableDeletionProtection: on}
	return w.change(setKey(id, func(k *key) { k.protected = on }), discard(w.client.SetDeletionProtection(ctx, r)))
}

// tagSeveral sets a tag of a CMK and of another one, both or none, or removes all tags of the first.
func (w *writer) tagSeveral(ctx context.Context, id string) error {
	if w.random.IntN(3) == 0 {
		r := &kmsapi.UntagResourcesRequest{ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{id}, All: true}
		return w.change(setTags(id, nil), discard(w.client.UntagResources(ctx, r)))
	}
	r := &kmsapi.TagResourcesRequest{ResourceType: kmsapi.ResourceTypeKey, ResourceIds: []string{id}}
	r.Tags = kmsapi.Tags{{TagKey: fmt.Sprint("tag", w.random.IntN(kmsapi.MaxTags)), TagValue: w.unique()}}
	if other := w.ids[w.random.IntN(len(w.ids))]; w.ledger.keys[other].state != kmsapi.PendingDeletion {
		r.ResourceIds = append(r.ResourceIds, other)
		w.touched[other] = true
	}
	return w.change(func(l ledger) {
		for _, id := range r.ResourceIds {
			after := maps.Clone(l.keys[id].tags)
			if after == nil {
				after = map[string]string{}
			}
			after[r.Tags[0].TagKey] = r.Tags[0].TagValue
			setTags(id, after)(l)
		}
	}, discard(w.client.TagResources(ctx, r)))
}

// find looks for the CMKs that have one of the tag values of a CMK, which no other writer uses.
func (w *writer) find(ctx context.Context, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	value := tags[slices.Sorted(maps.Keys(tags))[0]]
	var want []string
	for id, k := range w.ledger.keys {
		if slices.Contains(slices.Collect(maps.Values(k.tags)), value) {
			want = append(want, id)
		}
	}
	found, err := listed(ctx, w.client, kmsapi.Filter{Key: kmsapi.FilterByTagValue, Values: []string{value}})
	if slices.Sort(want); err == nil && !slices.Equal(want, found) {
		err = fmt.Errorf("the keys tagged %s are %v, and %v are listed: %w", value, want, found, kmsapi.ErrInternalFailure)
	}
	return err
}

// listed returns the ids of all CMKs that a filter lets through.
func listed(ctx context.Context, c *client.Client, filter kmsapi.Filter) (ids []string, err error) {
	r := &kmsapi.ListKeysRequest{Filters: kmsapi.Filters{filter}, PageSize: pageSize}
	for r.PageNumber = 1; ; r.PageNumber++ {
		got, err := c.ListKeys(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, k := range got.Keys.Key {
			ids = append(ids, k.KeyId)
		}
		if len(got.Keys.Key) < pageSize {
			return ids, nil
		}
	}
}

// filter checks that filters find what the writers know, once no request is in doubt.
func (i *inspector) filter(writers []*writer) {
	i.t.Helper()
	want := map[string][]string{}
	for _, w := range writers {
		for id, k := range w.ledger.keys {
			want[string(k.state)] = append(want[string(k.state)], id)
			if _, ok := k.tags["tag0"]; ok {
				want["tag0"] = append(want["tag0"], id)
			}
		}
	}
	for _, f := range []kmsapi.Filter{
		{Key: kmsapi.FilterByState, Values: []string{string(kmsapi.Enabled)}},
		{Key: kmsapi.FilterByState, Values: []string{string(kmsapi.Disabled)}},
		{Key: kmsapi.FilterByState, Values: []string{string(kmsapi.PendingDeletion)}},
		{Key: kmsapi.FilterByState, Values: []string{string(kmsapi.PendingImport)}},
		{Key: kmsapi.FilterByTagKey, Values: []string{"tag0"}},
	} {
		found, err := listed(i.t.Context(), i.client, f)
		require.NoError(i.t, err)
		require.ElementsMatch(i.t, want[f.Values[0]], found, f.Values[0])
	}
}

// metadataOf is the part of a CMK's metadata that the writers of this file change.
func metadataOf(described kmsapi.KeyMetadata) metadata {
	m := metadata{protected: described.DeletionProtection == kmsapi.ProtectionEnabled}
	if strings.HasPrefix(described.Description, changedDescription) {
		m.description = described.Description
	}
	return m
}

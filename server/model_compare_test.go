package server_test

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Check compares the lists, which every step may have changed. It runs after every step.
func (m *model) Check(t *rapid.T) {
	var alive []string
	for _, k := range m.keys {
		if !k.gone {
			alive = append(alive, k.id)
		}
	}
	slices.Sort(alive)
	var listed []string
	for page := 1; page <= 1+len(alive)/3; page++ {
		got, err := m.client.ListKeys(t.Context(), &kmsapi.ListKeysRequest{PageNumber: page, PageSize: 3})
		require.NoError(t, err)
		require.Equal(t, len(alive), got.TotalCount)
		for _, entry := range got.Keys.Key {
			listed = append(listed, entry.KeyId)
		}
	}
	require.Equal(t, alive, listed)
	got, err := m.client.ListAliases(t.Context(), &kmsapi.ListAliasesRequest{})
	require.NoError(t, err)
	requireAliases(t, m.aliases, got)
	m.checkFilters(t)
	m.checkSecrets(t)
	if len(m.keys) > 0 {
		m.compare(t, m.keys[rapid.IntRange(0, len(m.keys)-1).Draw(t, "looked at")])
	}
}

// checkFilters lists the CMKs in a state, those with a tag, by a filter and by ListTagResources, and those with both
// and a KeySpec.
func (m *model) checkFilters(t *rapid.T) {
	state := rapid.SampledFrom([]kmsapi.KeyState{
		kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport,
	}).Draw(t, "state")
	var inState, tagged, both []string
	for _, k := range m.keys {
		_, has := k.tags["a"]
		if has && !k.gone {
			tagged = append(tagged, k.id)
		}
		if has && !k.gone && k.state == state && k.spec == kmsapi.KeySpecAES256 {
			both = append(both, k.id)
		}
		if k.state == state && !k.gone {
			inState = append(inState, k.id)
		}
	}
	byState := kmsapi.Filter{Key: kmsapi.FilterByState, Values: []string{string(state)}}
	byTag := kmsapi.Filter{Key: kmsapi.FilterByTagKey, Values: []string{"a"}}
	require.ElementsMatch(t, inState, m.filtered(t, byState))
	require.ElementsMatch(t, tagged, m.filtered(t, byTag))
	bySpec := kmsapi.Filter{Key: kmsapi.FilterBySpec, Values: []string{kmsapi.KeySpecAES256}}
	require.ElementsMatch(t, both, m.filtered(t, byTag, bySpec, byState))
	got, err := m.client.ListTagResources(t.Context(), &kmsapi.ListTagResourcesRequest{
		ResourceType: kmsapi.ResourceTypeKey, Tags: kmsapi.Tags{{TagKey: "a"}},
	})
	require.NoError(t, err)
	var rows []string
	for _, row := range got.TagResources.TagResource {
		rows = append(rows, row.ResourceId)
	}
	require.ElementsMatch(t, tagged, rows)
}

func (m *model) filtered(t *rapid.T, filters ...kmsapi.Filter) (ids []string) {
	got, err := m.client.ListKeys(t.Context(), &kmsapi.ListKeysRequest{Filters: filters})
	require.NoError(t, err)
	for _, entry := range got.Keys.Key {
		ids = append(ids, entry.KeyId)
	}
	require.Len(t, ids, got.TotalCount)
	return ids
}

func requireAliases(t *rapid.T, want map[string]*modelKey, got *kmsapi.ListAliasesResponse) {
	t.Helper()
	var listed []string
	for _, entry := range got.Aliases.Alias {
		listed = append(listed, entry.AliasName)
		require.Contains(t, want, entry.AliasName)
		require.Equal(t, want[entry.AliasName].id, entry.KeyId)
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), listed, "all of them, in order")
	require.Equal(t, len(want), got.TotalCount)
}

func (m *model) compareAll(t *rapid.T) {
	for _, k := range m.keys {
		m.compare(t, k)
	}
}

// compare compares everything that the service returns about a CMK.
func (m *model) compare(t *rapid.T, k *modelKey) {
	byID := k.id
	var exists *kmsapi.Error
	if k.gone {
		exists = kmsapi.ErrKeyNotFound
	}
	described, err := m.client.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: byID})
	agree(t, exists, err)
	tags, err := m.client.ListResourceTags(t.Context(), &kmsapi.ListResourceTagsRequest{KeyId: byID})
	agree(t, exists, err)
	aliases, err := m.client.ListAliasesByKeyId(t.Context(), &kmsapi.ListAliasesByKeyIdRequest{KeyId: k.id})
	agree(t, exists, err)
	if k.blob != "" {
		opened, err := m.client.Decrypt(t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: k.blob})
		agree(t, k.refusal(useRefused), err)
		require.True(t, err != nil || opened.KeyId == k.id)
	}
	m.comparePair(t, k)
	if k.gone {
		return
	}
	require.Equal(t, k.spec, described.KeyMetadata.KeySpec)
	require.Equal(t, k.usage, described.KeyMetadata.KeyUsage)
	require.Equal(t, k.state, described.KeyMetadata.KeyState)
	require.Equal(t, k.state == kmsapi.PendingDeletion, described.KeyMetadata.DeleteDate != "")
	require.Equal(t, k.description, described.KeyMetadata.Description)
	require.Equal(t, k.protected, described.KeyMetadata.DeletionProtection == kmsapi.ProtectionEnabled)
	require.Equal(t, k.expireDay > 0, described.KeyMetadata.MaterialExpireTime != "")
	m.compareVersions(t, k, described.KeyMetadata)
	m.comparePublicKeys(t, k)
	found := map[string]string{}
	for _, tag := range tags.Tags.Tag {
		found[tag.TagKey] = tag.TagValue
	}
	require.Equal(t, k.tags, found)
	own := maps.Clone(m.aliases)
	maps.DeleteFunc(own, func(_ string, of *modelKey) bool { return of != k })
	requireAliases(t, own, &aliases.ListAliasesResponse)
}

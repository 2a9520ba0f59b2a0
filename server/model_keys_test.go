package server_test

import (
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (m *model) CreateKey(t *rapid.T) {
	if len(m.keys) > 7 {
		t.Skip("enough keys")
	}
	k := &modelKey{
		modelSpec: rapid.SampledFrom(modelSpecs).Draw(t, "spec"), external: rapid.Bool().Draw(t, "external"),
		state: kmsapi.Enabled, material: []byte{}, tags: map[string]string{}, public: map[string]string{},
	}
	r := &kmsapi.CreateKeyRequest{KeySpec: k.spec, KeyUsage: k.usage}
	if k.external {
		r.Origin, k.state, k.material = kmsapi.OriginExternal, kmsapi.PendingImport, nil
	}
	if rapid.Bool().Draw(t, "tagged") {
		k.tags["a"] = "new"
		r.Tags = kmsapi.Tags{{TagKey: "a", TagValue: "new"}}
	}
	got, err := m.client.CreateKey(t.Context(), r)
	require.NoError(t, err)
	k.id = got.KeyMetadata.KeyId
	k.addVersion(m, m.firstVersion(t, got.KeyMetadata))
	m.keys = append(m.keys, k)
}

// firstVersion returns the version of a new CMK.
func (m *model) firstVersion(t *rapid.T, made kmsapi.KeyMetadata) string {
	if made.PrimaryKeyVersion != "" {
		return made.PrimaryKeyVersion
	}
	got, err := m.client.ListKeyVersions(t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: made.KeyId})
	require.NoError(t, err)
	require.Equal(t, 1, got.TotalCount)
	return got.KeyVersions.KeyVersion[0].KeyVersionId
}

func (m *model) EnableKey(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(switchRefused)
	_, err := m.client.EnableKey(t.Context(), &kmsapi.EnableKeyRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		k.state = kmsapi.Enabled
	}
}

func (m *model) DisableKey(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(switchRefused)
	_, err := m.client.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		k.state = kmsapi.Disabled
	}
}

func (m *model) ScheduleKeyDeletion(t *rapid.T) {
	k, days := m.pick(t), rapid.IntRange(kmsapi.MinPendingWindowInDays, 10).Draw(t, "days")
	refusal := k.refusal(changeRefused)
	if refusal == nil && k.protected {
		refusal = kmsapi.ErrStateModifiedFailed
	}
	_, err := m.client.ScheduleKeyDeletion(t.Context(),
		&kmsapi.ScheduleKeyDeletionRequest{KeyId: k.id, PendingWindowInDays: days})
	agree(t, refusal, err)
	if refusal == nil {
		k.state, k.deleteDay = kmsapi.PendingDeletion, m.day+days
	}
}

func (m *model) CancelKeyDeletion(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(cancelRefused)
	_, err := m.client.CancelKeyDeletion(t.Context(), &kmsapi.CancelKeyDeletionRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal != nil {
		return
	}
	k.state = kmsapi.Enabled
	if k.material == nil {
		k.state = kmsapi.PendingImport
	}
}

func (m *model) UpdateKeyDescription(t *rapid.T) {
	k, description := m.pick(t), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "description")
	refusal := k.refusal(tagRefused)
	_, err := m.client.UpdateKeyDescription(t.Context(),
		&kmsapi.UpdateKeyDescriptionRequest{KeyId: k.id, Description: description})
	agree(t, refusal, err)
	if refusal == nil {
		k.description = description
	}
}

func (m *model) SetDeletionProtection(t *rapid.T) {
	k, on := m.pick(t), rapid.Bool().Draw(t, "on")
	refusal := k.refusal(tagRefused)
	_, err := m.client.SetDeletionProtection(t.Context(),
		&kmsapi.SetDeletionProtectionRequest{KeyId: k.id, EnableDeletionProtection: on})
	agree(t, refusal, err)
	if refusal == nil {
		k.protected = on
	}
}

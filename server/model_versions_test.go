package server_test

import (
	"fmt"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// addVersion adds a new version, which counts as a rotation.
func (k *modelKey) addVersion(m *model, id string) {
	k.versions = append(k.versions, id)
	k.rotationDay = m.day + k.interval
}

func (m *model) CreateKeyVersion(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(useRefused)
	if refusal == nil && k.external {
		refusal = kmsapi.ErrRejectedUnsupportedOperation
	}
	got, err := m.client.CreateKeyVersion(t.Context(), &kmsapi.CreateKeyVersionRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		k.addVersion(m, got.KeyVersion.KeyVersionId)
	}
}

func (m *model) UpdateRotationPolicy(t *rapid.T) {
	k, days := m.pick(t), rapid.IntRange(7, 12).Draw(t, "days")
	r := &kmsapi.UpdateRotationPolicyRequest{KeyId: k.id, EnableAutomaticRotation: rapid.Bool().Draw(t, "enable")}
	if r.EnableAutomaticRotation {
		r.RotationInterval = fmt.Sprint(days, "d")
	}
	refusal := k.refusal(useRefused)
	if refusal == nil && (k.external || !k.isSymmetric()) {
		refusal = kmsapi.ErrRejectedUnsupportedOperation
	}
	_, err := m.client.UpdateRotationPolicy(t.Context(), r)
	agree(t, refusal, err)
	if refusal != nil {
		return
	}
	last := k.rotationDay - k.interval
	k.interval = 0
	if r.EnableAutomaticRotation {
		k.interval = days
	}
	k.rotationDay = last + k.interval
	k.rotateIfDue(m)
}

// rotateIfDue rotates a CMK that is due, once, no matter how late.
func (k *modelKey) rotateIfDue(m *model) {
	if k.interval > 0 && k.state == kmsapi.Enabled && !k.gone && m.day >= k.rotationDay {
		k.addVersion(m, "")
	}
}

// compareVersions compares the versions of a CMK and its rotation dates.
func (m *model) compareVersions(t *rapid.T, k *modelKey, described kmsapi.KeyMetadata) {
	got, err := m.client.ListKeyVersions(t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: k.id, PageSize: 100})
	require.NoError(t, err)
	require.Equal(t, len(k.versions), got.TotalCount)
	for i, version := range got.KeyVersions.KeyVersion {
		known := &k.versions[len(k.versions)-1-i]
		if *known == "" {
			*known = version.KeyVersionId
		}
		require.Equal(t, *known, version.KeyVersionId, "the newest first")
	}
	if k.isSymmetric() {
		require.Equal(t, k.versions[len(k.versions)-1], described.PrimaryKeyVersion)
	}
	rotation, interval := kmsapi.RotationDisabled, ""
	if k.interval > 0 {
		rotation, interval = kmsapi.RotationEnabled, fmt.Sprint(k.interval*24*60*60, "s")
		if k.state != kmsapi.Enabled {
			rotation = kmsapi.RotationSuspended
		}
	}
	require.Equal(t, rotation, described.AutomaticRotation)
	require.Equal(t, interval, described.RotationInterval)
}

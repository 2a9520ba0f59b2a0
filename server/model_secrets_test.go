package server_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// modelSecret is a secret. Unlike the service, the model keeps stages with their versions.
type modelSecret struct {
	key         *modelKey
	description string
	tags        map[string]string
	// versions are in the order of their creation.
	versions []*modelValue
	// deleteDay is the day of its deletion, or 0 if none is scheduled.
	deleteDay int
}

type modelValue struct {
	id, data string
	stages   map[string]bool
}

func secretNameOf(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "a/b", "A", "db/password"}).Draw(t, "secret")
}

func versionOf(t *rapid.T) string {
	return rapid.StringMatching(`[1-3]?[a-f]`).Draw(t, "version")
}

func stageOf(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		kmsapi.StageCurrent, kmsapi.StagePrevious, "beta", "c", "d", "e", "f", "g", "h",
	}).Draw(t, "stage")
}

// find returns the secret called name, and why an operation that changes it is refused, or nil.
func (m *model) find(name string) (*modelSecret, *kmsapi.Error) {
	s := m.secrets[name]
	switch {
	case s == nil:
		return nil, kmsapi.ErrResourceNotFound
	case s.deleteDay > 0:
		return s, kmsapi.ErrResourceInDeleteWindow
	default:
		return s, nil
	}
}

// useRefusal returns why the key of a secret can't be used, or nil.
func (s *modelSecret) useRefusal() *kmsapi.Error {
	if s.key == nil {
		return nil
	}
	return s.key.refusal(useRefused)
}

func (s *modelSecret) version(id string) *modelValue {
	for _, v := range s.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (s *modelSecret) with(stage string) *modelValue {
	for _, v := range s.versions {
		if v.stages[stage] {
			return v
		}
	}
	return nil
}

// move moves a stage to a version, from the version that has it.
func (s *modelSecret) move(stage string, to *modelValue) {
	if v := s.with(stage); v != nil {
		delete(v.stages, stage)
	}
	to.stages[stage] = true
}

// makeCurrent moves ACSCurrent to a version, and ACSPrevious to the one that had it.
func (s *modelSecret) makeCurrent(to *modelValue) {
	former := s.with(kmsapi.StageCurrent)
	s.move(kmsapi.StageCurrent, to)
	if former != nil && former != to {
		s.move(kmsapi.StagePrevious, former)
	}
	delete(to.stages, kmsapi.StagePrevious)
}

func (s *modelSecret) countStages() (n int) {
	for _, v := range s.versions {
		n += len(v.stages)
	}
	return n
}

// clone returns a copy of the secret with its versions, for a step that may be refused.
func (s *modelSecret) clone() *modelSecret {
	copied := *s
	copied.versions = nil
	for _, v := range s.versions {
		copied.versions = append(copied.versions, &modelValue{v.id, v.data, maps.Clone(v.stages)})
	}
	return &copied
}

func (m *model) CreateSecret(t *rapid.T) {
	name, id := secretNameOf(t), versionOf(t)
	_, refusal := m.find(name)
	switch refusal {
	case kmsapi.ErrResourceNotFound:
		refusal = nil
	case nil:
		refusal = kmsapi.ErrResourceExists
	}
	r := &kmsapi.CreateSecretRequest{SecretName: name, VersionId: id, SecretData: kmsapi.NewSecret("first " + id)}
	s := &modelSecret{
		tags: map[string]string{}, versions: []*modelValue{{id, "first " + id, map[string]bool{kmsapi.StageCurrent: true}}},
	}
	if len(m.keys) > 0 && rapid.Bool().Draw(t, "with a key") {
		s.key = m.pick(t)
		r.EncryptionKeyId = s.key.id
		keyRefusal := s.useRefusal()
		if keyRefusal == nil && kmsapi.IsAsymmetric(s.key.spec) {
			keyRefusal = kmsapi.ErrUnsupportedOperation
		}
		if keyRefusal != nil {
			refusal = keyRefusal
		}
	}
	_, err := m.client.CreateSecret(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		m.secrets[name] = s
	}
}

func (m *model) PutSecretValue(t *rapid.T) {
	name, id := secretNameOf(t), versionOf(t)
	r := &kmsapi.PutSecretValueRequest{
		SecretName: name, VersionId: id, SecretData: kmsapi.NewSecret(fmt.Sprint(id, " of day ", m.day)),
	}
	if rapid.Bool().Draw(t, "with stages") {
		r.VersionStages = rapid.SliceOfNDistinct(rapid.Custom(stageOf), 1, 3, rapid.ID[string]).Draw(t, "stages")
	}
	s, refusal := m.find(name)
	var after *modelSecret
	if refusal == nil {
		after = s.clone()
		refusal = after.put(r)
	}
	got, err := m.client.PutSecretValue(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		m.secrets[name] = after
		require.Equal(t, slices.Sorted(maps.Keys(after.version(id).stages)), nilIfNone(got.VersionStages.VersionStage))
	}
}

func nilIfNone(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// put applies a request, or returns why it is refused; then part of it may have been applied.
func (s *modelSecret) put(r *kmsapi.PutSecretValueRequest) *kmsapi.Error {
	if refusal := s.useRefusal(); refusal != nil {
		return refusal
	}
	v, stages := s.version(r.VersionId), []string(r.VersionStages)
	switch {
	case v != nil && v.data != r.SecretData.Reveal():
		return kmsapi.ErrResourceExists
	case v != nil && len(stages) == 0:
		return nil
	case v == nil:
		v = &modelValue{r.VersionId, r.SecretData.Reveal(), map[string]bool{}}
		s.versions = append(s.versions, v)
	}
	if len(stages) == 0 {
		stages = []string{kmsapi.StageCurrent}
	}
	if slices.Contains(stages, kmsapi.StageCurrent) {
		s.makeCurrent(v)
	}
	for _, stage := range stages {
		s.move(stage, v)
	}
	if s.countStages() > kmsapi.MaxSecretStages {
		return kmsapi.ErrLimitExceeded
	}
	if len(s.versions) > kmsapi.MaxSecretVersions {
		at := slices.IndexFunc(s.versions, func(v *modelValue) bool { return len(v.stages) == 0 })
		if at < 0 {
			return kmsapi.ErrLimitExceeded
		}
		s.versions = slices.Delete(s.versions, at, at+1)
	}
	return nil
}

func (m *model) UpdateSecretVersionStage(t *rapid.T) {
	name, stage := secretNameOf(t), stageOf(t)
	r := &kmsapi.UpdateSecretVersionStageRequest{SecretName: name, VersionStage: stage, MoveToVersion: versionOf(t)}
	s, refusal := m.find(name)
	if s != nil && rapid.Bool().Draw(t, "to a version that exists") {
		r.MoveToVersion = s.versions[rapid.IntRange(0, len(s.versions)-1).Draw(t, "to")].id
	}
	var after *modelSecret
	if refusal == nil {
		after = s.clone()
		to := after.version(r.MoveToVersion)
		switch {
		case to == nil:
			refusal = kmsapi.ErrResourceNotFound
		case to.stages[stage]:
		case stage == kmsapi.StageCurrent:
			after.makeCurrent(to)
		default:
			after.move(stage, to)
		}
		if refusal == nil && after.countStages() > kmsapi.MaxSecretStages {
			refusal = kmsapi.ErrLimitExceeded
		}
	}
	_, err := m.client.UpdateSecretVersionStage(t.Context(), r)
	agree(t, refusal, err)
	if refusal == nil {
		m.secrets[name] = after
	}
}

func (m *model) UpdateSecret(t *rapid.T) {
	name, description := secretNameOf(t), fmt.Sprint("of day ", m.day)
	s, refusal := m.find(name)
	_, err := m.client.UpdateSecret(t.Context(), &kmsapi.UpdateSecretRequest{SecretName: name, Description: description})
	agree(t, refusal, err)
	if refusal == nil {
		s.description = description
	}
}

func (m *model) TagSecret(t *rapid.T) {
	name, key := secretNameOf(t), rapid.StringMatching(`[ab]`).Draw(t, "tag")
	s, refusal := m.find(name)
	_, err := m.client.TagResource(t.Context(), &kmsapi.TagResourceRequest{
		SecretName: name, Tags: kmsapi.Tags{{TagKey: key, TagValue: fmt.Sprint(m.day)}},
	})
	agree(t, refusal, err)
	if refusal == nil {
		s.tags[key] = fmt.Sprint(m.day)
	}
}

func (m *model) DeleteSecret(t *rapid.T) {
	name, force := secretNameOf(t), rapid.IntRange(0, 3).Draw(t, "force") == 0
	days := rapid.IntRange(kmsapi.MinRecoveryWindowInDays, 9).Draw(t, "days")
	s, refusal := m.find(name)
	if force && s != nil {
		refusal = nil
	}
	_, err := m.client.DeleteSecret(t.Context(), &kmsapi.DeleteSecretRequest{
		SecretName: name, ForceDeleteWithoutRecovery: force, RecoveryWindowInDays: days,
	})
	agree(t, refusal, err)
	switch {
	case refusal != nil:
	case force:
		delete(m.secrets, name)
	default:
		s.deleteDay = m.day + days
	}
}

func (m *model) RestoreSecret(t *rapid.T) {
	name := secretNameOf(t)
	s, refusal := m.find(name)
	switch refusal {
	case kmsapi.ErrResourceInDeleteWindow:
		refusal = nil
	case nil:
		refusal = kmsapi.ErrResourceInUse
	}
	_, err := m.client.RestoreSecret(t.Context(), &kmsapi.RestoreSecretRequest{SecretName: name})
	agree(t, refusal, err)
	if refusal == nil {
		s.deleteDay = 0
	}
}

// checkSecrets compares the list of secrets, and everything about each.
func (m *model) checkSecrets(t *rapid.T) {
	got, err := m.client.ListSecrets(t.Context(), &kmsapi.ListSecretsRequest{FetchTags: true})
	require.NoError(t, err)
	var names []string
	for _, entry := range got.SecretList.Secret {
		names = append(names, entry.SecretName)
		s := m.secrets[entry.SecretName]
		require.NotNil(t, s, entry.SecretName)
		require.Equal(t, s.deleteDay > 0, entry.PlannedDeleteTime != "")
		tags := map[string]string{}
		for _, tag := range entry.Tags.Tag {
			tags[tag.TagKey] = tag.TagValue
		}
		require.Equal(t, s.tags, tags)
		m.compareSecret(t, entry.SecretName, s)
	}
	require.Equal(t, slices.Sorted(maps.Keys(m.secrets)), names)
}

func (m *model) compareSecret(t *rapid.T, name string, s *modelSecret) {
	described, err := m.client.DescribeSecret(t.Context(), &kmsapi.DescribeSecretRequest{SecretName: name})
	require.NoError(t, err)
	require.Equal(t, s.description, described.Description)
	listed, err := m.client.ListSecretVersionIds(t.Context(), &kmsapi.ListSecretVersionIdsRequest{
		SecretName: name, IncludeDeprecated: true,
	})
	require.NoError(t, err)
	require.Len(t, listed.VersionIds.VersionId, len(s.versions))
	for n, v := range s.versions {
		entry := listed.VersionIds.VersionId[len(s.versions)-1-n]
		require.Equal(t, v.id, entry.VersionId)
		require.Equal(t, slices.Sorted(maps.Keys(v.stages)), nilIfNone(entry.VersionStages.VersionStage))
	}
	v := s.versions[rapid.IntRange(0, len(s.versions)-1).Draw(t, "value looked at")]
	refusal := s.useRefusal()
	if s.deleteDay > 0 {
		refusal = kmsapi.ErrResourceInDeleteWindow
	}
	got, err := m.client.GetSecretValue(t.Context(), &kmsapi.GetSecretValueRequest{SecretName: name, VersionId: v.id})
	agree(t, refusal, err)
	if refusal == nil {
		require.Equal(t, v.data, got.SecretData.Reveal())
	}
}

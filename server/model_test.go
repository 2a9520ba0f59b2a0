package server_test

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// TestTheServiceBehavesLikeItsModel drives a service and a model of it through the same random life of keys, aliases
// and tags, over days and restarts. More of it: go test -run Model ./server -rapid.checks=1000.
func TestTheServiceBehavesLikeItsModel(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue && os.Getenv("RAPID_CHECKS") == "" {
		require.NoError(t, checks.Value.Set("10"))
		t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		kms := kmstest.New(t)
		defer kms.Stop()
		m := &model{t: t, kms: kms, client: newClient(t, kms), aliases: map[string]*modelKey{}}
		defer m.client.Close()
		rt.Repeat(rapid.StateMachineActions(m))
		m.compareAll(rt)
	})
}

// model is what a service should hold. Its methods are the steps that a life is made of: each does the same to the
// service and to the model, and compares what both say to it.
type model struct {
	t      testing.TB
	kms    *kmstest.KMS
	client *client.Client
	// day counts the days that have gone by. A minute more has gone by for each move of the clock, so what happens in n
	// days has happened once day has grown by n, and not before.
	day int
	// keys are in the order they were made, with those that are gone.
	keys    []*modelKey
	aliases map[string]*modelKey
}

// modelKey is a CMK.
type modelKey struct {
	id       string
	external bool
	state    kmsapi.KeyState
	gone     bool
	// material is nil for a CMK of origin EXTERNAL while there is none.
	material []byte
	// deleteDay and expireDay are the days that deletion and expiry of the material come; expireDay 0 is never.
	deleteDay, expireDay int
	tags                 map[string]string
	description          string
	protected            bool
	// blob is a ciphertext of the CMK, once it has made one.
	blob string
	// versions are the ids of its versions, the oldest first, as far as they are known: those that are empty were made by
	// the sweeper. interval is in days, and 0 if the CMK is not rotated automatically; rotationDay is when it is next.
	versions              []string
	interval, rotationDay int
}

// pick draws a CMK, which may be gone.
func (m *model) pick(t *rapid.T) *modelKey {
	if len(m.keys) == 0 {
		t.Skip("no key")
	}
	return m.keys[rapid.IntRange(0, len(m.keys)-1).Draw(t, "key")]
}

func (m *model) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"alias/a", "alias/a/b", "alias/a-b", "alias/B"}).Draw(t, "name")
}

// agree compares an error of the service with what the model expects; nil means success.
func agree(t *rapid.T, want *kmsapi.Error, got error) {
	t.Helper()
	if want == nil {
		require.NoError(t, got)
		return
	}
	require.ErrorIs(t, got, want)
}

// refusal is why the model refuses something to a CMK: if it is gone or in one of the states that errs names.
func (k *modelKey) refusal(errs map[kmsapi.KeyState]*kmsapi.Error) *kmsapi.Error {
	if k.gone {
		return kmsapi.ErrKeyNotFound
	}
	return errs[k.state]
}

// What the model refuses, by state.
var (
	useRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Disabled: kmsapi.ErrRejectedDisabled, kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion,
		kmsapi.PendingImport: kmsapi.ErrRejectedPendingImport,
	}
	switchRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.PendingDeletion: kmsapi.ErrStateModifiedFailed, kmsapi.PendingImport: kmsapi.ErrStateModifiedFailed,
	}
	changeRefused = map[kmsapi.KeyState]*kmsapi.Error{kmsapi.PendingDeletion: kmsapi.ErrStateModifiedFailed}
	cancelRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Enabled: kmsapi.ErrStateModifiedFailed, kmsapi.Disabled: kmsapi.ErrStateModifiedFailed,
		kmsapi.PendingImport: kmsapi.ErrStateModifiedFailed,
	}
	tagRefused = map[kmsapi.KeyState]*kmsapi.Error{kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion}
)

func (m *model) CreateKey(t *rapid.T) {
	if len(m.keys) > 7 {
		t.Skip("enough keys")
	}
	k := &modelKey{
		state: kmsapi.Enabled, material: []byte{}, external: rapid.Bool().Draw(t, "external"), tags: map[string]string{},
	}
	r := &kmsapi.CreateKeyRequest{}
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
	k.addVersion(m, got.KeyMetadata.PrimaryKeyVersion)
	m.keys = append(m.keys, k)
}

// addVersion notes a new version, which is also a rotation.
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
	if refusal == nil && k.external {
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

// rotateIfDue rotates a CMK once, however late that is.
func (k *modelKey) rotateIfDue(m *model) {
	if k.interval > 0 && k.state == kmsapi.Enabled && !k.gone && m.day >= k.rotationDay {
		k.addVersion(m, "")
	}
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

// ImportKeyMaterial imports the same material every time, since a CMK takes no other (§4.3).
func (m *model) ImportKeyMaterial(t *rapid.T) {
	k, days := m.pick(t), rapid.IntRange(0, 9).Draw(t, "days")
	r := &kmsapi.ImportKeyMaterialRequest{KeyId: k.id}
	if days > 0 {
		r.KeyMaterialExpireUnix = int(m.kms.Now().Unix()) + days*24*60*60
	}
	wrapped, err := m.client.GetParametersForImport(t.Context(), &kmsapi.GetParametersForImportRequest{
		KeyId: k.id, WrappingAlgorithm: kmsapi.WrapOAEPSHA256, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
	})
	switch {
	case k.gone:
		agree(t, kmsapi.ErrKeyNotFound, err)
		return
	case !k.external:
		agree(t, kmsapi.ErrUnsupportedOrigin, err)
		return
	}
	require.NoError(t, err)
	material := make([]byte, kmsapi.KeyMaterialSize)
	r.ImportToken = wrapped.ImportToken
	r.EncryptedKeyMaterial = wrapBy(m.t, kmsapi.WrapOAEPSHA256, wrapped.PublicKey, material)
	refusal := k.refusal(changeRefused)
	_, err = m.client.ImportKeyMaterial(t.Context(), r)
	agree(t, refusal, err)
	if refusal != nil {
		return
	}
	k.material, k.expireDay = material, 0
	if days > 0 {
		k.expireDay = m.day + days
	}
	if k.state == kmsapi.PendingImport {
		k.state = kmsapi.Enabled
	}
}

func (m *model) DeleteKeyMaterial(t *rapid.T) {
	k := m.pick(t)
	_, err := m.client.DeleteKeyMaterial(t.Context(), &kmsapi.DeleteKeyMaterialRequest{KeyId: k.id})
	switch {
	case k.gone:
		agree(t, kmsapi.ErrKeyNotFound, err)
	case !k.external:
		agree(t, kmsapi.ErrUnsupportedOrigin, err)
	default:
		require.NoError(t, err)
		k.loseMaterial()
	}
}

func (k *modelKey) loseMaterial() {
	k.material, k.expireDay = nil, 0
	if k.state != kmsapi.PendingDeletion {
		k.state = kmsapi.PendingImport
	}
}

func (m *model) Encrypt(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(useRefused)
	got, err := m.client.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: k.id, Plaintext: kmsapi.NewSecret(k.id)})
	agree(t, refusal, err)
	if refusal == nil {
		k.blob = got.CiphertextBlob
	}
}

func (m *model) GenerateDataKeyWithoutPlaintext(t *rapid.T) {
	k := m.pick(t)
	refusal := k.refusal(useRefused)
	got, err := m.client.GenerateDataKeyWithoutPlaintext(t.Context(),
		&kmsapi.GenerateDataKeyWithoutPlaintextRequest{KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		k.blob = got.CiphertextBlob
	}
}

// ReEncrypt moves a ciphertext, of whatever version of its CMK, to the newest version of another, or of the same.
func (m *model) ReEncrypt(t *rapid.T) {
	from, to := m.pick(t), m.pick(t)
	if from.blob == "" {
		t.Skip("no ciphertext")
	}
	refusal := kmsapi.ErrKeyNotFound
	if !from.gone && !to.gone {
		refusal = cmp.Or(from.refusal(useRefused), to.refusal(useRefused))
	}
	got, err := m.client.ReEncrypt(t.Context(),
		&kmsapi.ReEncryptRequest{CiphertextBlob: from.blob, DestinationKeyId: to.id})
	agree(t, refusal, err)
	if refusal == nil {
		require.Equal(t, from.id, got.KeyId)
		to.blob = got.CiphertextBlob
	}
}

func (m *model) EncryptByAlias(t *rapid.T) {
	name := m.name(t)
	k, refusal := m.aliases[name], kmsapi.ErrAliasNotFound
	if k != nil {
		refusal = k.refusal(useRefused)
	}
	got, err := m.client.Encrypt(t.Context(),
		&kmsapi.EncryptRequest{KeyId: name, Plaintext: kmsapi.NewSecret("of an alias")})
	agree(t, refusal, err)
	if refusal == nil {
		require.Equal(t, k.id, got.KeyId)
		k.blob = got.CiphertextBlob
	}
}

func (m *model) CreateAlias(t *rapid.T) {
	k, name := m.pick(t), m.name(t)
	refusal := k.refusal(changeRefused)
	if refusal == nil && m.aliases[name] != nil {
		refusal = kmsapi.ErrAliasAlreadyExists
	}
	_, err := m.client.CreateAlias(t.Context(), &kmsapi.CreateAliasRequest{AliasName: name, KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		m.aliases[name] = k
	}
}

func (m *model) UpdateAlias(t *rapid.T) {
	k, name := m.pick(t), m.name(t)
	refusal := k.refusal(tagRefused)
	if refusal == nil && m.aliases[name] == nil {
		refusal = kmsapi.ErrAliasNotFound
	}
	_, err := m.client.UpdateAlias(t.Context(), &kmsapi.UpdateAliasRequest{AliasName: name, KeyId: k.id})
	agree(t, refusal, err)
	if refusal == nil {
		m.aliases[name] = k
	}
}

func (m *model) DeleteAlias(t *rapid.T) {
	name := m.name(t)
	var refusal *kmsapi.Error
	if m.aliases[name] == nil {
		refusal = kmsapi.ErrAliasNotFound
	}
	_, err := m.client.DeleteAlias(t.Context(), &kmsapi.DeleteAliasRequest{AliasName: name})
	agree(t, refusal, err)
	delete(m.aliases, name)
}

// tagKeys are enough for a CMK to have too many.
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

// MoveClock lets days go by.
func (m *model) MoveClock(t *rapid.T) {
	days := rapid.IntRange(1, 8).Draw(t, "days")
	m.kms.Advance(time.Duration(days)*24*time.Hour + time.Minute)
	m.day += days
	for _, k := range m.keys {
		if k.state == kmsapi.PendingDeletion && m.day >= k.deleteDay {
			k.gone = true
			maps.DeleteFunc(m.aliases, func(_ string, of *modelKey) bool { return of == k })
		}
		if k.expireDay > 0 && m.day >= k.expireDay {
			k.loseMaterial()
		}
	}
}

func (m *model) Sweep(t *rapid.T) {
	require.NoError(t, m.kms.Sweep())
	for _, k := range m.keys {
		k.rotateIfDue(m)
	}
}

// Restart moves the clock to the end of a second first, because a service that starts again waits for the next one.
func (m *model) Restart(*rapid.T) {
	m.kms.Stop()
	const left = 50 * time.Millisecond
	m.kms.Advance(2*time.Second - left - time.Duration(m.kms.Now().Nanosecond()))
	m.kms.Start()
}

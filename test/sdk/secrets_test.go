package sdk

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var secretCount atomic.Int64

// newSecret creates a secret of its own, and returns its name.
func (p player) newSecret(request kmsapi.CreateSecretRequest) string {
	p.Helper()
	request.SecretName, request.VersionId = fmt.Sprint("sdk/secret-", secretCount.Add(1)), "v1"
	if request.SecretData.IsEmpty() {
		request.SecretData = kmsapi.NewSecret("one")
	}
	made := do[kmsapi.CreateSecretResponse](p, &request)
	require.Equal(p, request.SecretName, made.SecretName)
	require.True(p, strings.HasSuffix(made.Arn, ":secret/"+request.SecretName), made.Arn)
	return request.SecretName
}

func (p player) value(request kmsapi.GetSecretValueRequest) *kmsapi.GetSecretValueResponse {
	p.Helper()
	return do[kmsapi.GetSecretValueResponse](p, &request)
}

func (p player) put(name, version, data string, stages ...string) []string {
	p.Helper()
	return do[kmsapi.PutSecretValueResponse](p, &kmsapi.PutSecretValueRequest{
		SecretName: name, VersionId: version, SecretData: kmsapi.NewSecret(data), VersionStages: stages,
	}).VersionStages.VersionStage
}

func TestSecretsLiveTheirLife(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{}).KeyId
		name := p.newSecret(kmsapi.CreateSecretRequest{
			EncryptionKeyId: key, Description: "of the shop", Tags: kmsapi.Tags{{TagKey: "team", TagValue: "hr"}},
		})
		require.Equal(p, []string{"ACSCurrent", "next"}, p.put(name, "v2", "two", "ACSCurrent", "next"))
		got := p.value(kmsapi.GetSecretValueRequest{SecretName: name})
		require.Equal(p, "two", got.SecretData.Reveal())
		require.Equal(p, []string{"ACSCurrent", "next"}, got.VersionStages.VersionStage)
		require.Equal(p, "text", got.SecretDataType)
		require.Equal(p, "one", p.value(kmsapi.GetSecretValueRequest{SecretName: name, VersionStage: "ACSPrevious"}).
			SecretData.Reveal())

		p.must(&kmsapi.UpdateSecretVersionStageRequest{
			SecretName: name, VersionStage: "ACSCurrent", MoveToVersion: "v1", RemoveFromVersion: "v2",
		})
		require.Equal(p, "v1", p.value(kmsapi.GetSecretValueRequest{SecretName: name}).VersionId)
		p.must(&kmsapi.UpdateSecretRequest{SecretName: name, Description: "of the shop & 秘密"})
		described := do[kmsapi.DescribeSecretResponse](p, &kmsapi.DescribeSecretRequest{SecretName: name, FetchTags: true})
		require.Equal(p, "of the shop & 秘密", described.Description)
		require.Equal(p, key, described.EncryptionKeyId)
		require.Equal(p, []kmsapi.Tag{{TagKey: "team", TagValue: "hr"}}, described.Tags.Tag)
		versions := do[kmsapi.ListSecretVersionIdsResponse](p, &kmsapi.ListSecretVersionIdsRequest{SecretName: name})
		require.Len(p, versions.VersionIds.VersionId, 2)
		require.Equal(p, []string{"ACSPrevious", "next"}, versions.VersionIds.VersionId[0].VersionStages.VersionStage)

		deleted := do[kmsapi.DeleteSecretResponse](p, &kmsapi.DeleteSecretRequest{SecretName: name, RecoveryWindowInDays: 7})
		require.NotEmpty(p, deleted.PlannedDeleteTime)
		p.refused(kmsapi.ErrResourceInDeleteWindow, &kmsapi.GetSecretValueRequest{SecretName: name})
		p.must(&kmsapi.RestoreSecretRequest{SecretName: name})
		p.must(&kmsapi.UpdateSecretRotationPolicyRequest{SecretName: name})
		p.refused(kmsapi.ErrRejectedUnsupportedOperation, &kmsapi.RotateSecretRequest{SecretName: name, VersionId: "v3"})
		do[kmsapi.DeleteSecretResponse](p, &kmsapi.DeleteSecretRequest{SecretName: name, ForceDeleteWithoutRecovery: true})
		p.refused(kmsapi.ErrResourceNotFound, &kmsapi.GetSecretValueRequest{SecretName: name})
	})
}

func TestValuesOfEveryKindAndLengthAreReturned(t *testing.T) {
	everyDialect(t, func(p player) {
		bytes := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00\xff", 3000)))
		name := p.newSecret(kmsapi.CreateSecretRequest{SecretData: kmsapi.NewSecret(bytes), SecretDataType: "binary"})
		got := p.value(kmsapi.GetSecretValueRequest{SecretName: name, FetchExtendedConfig: true})
		require.Equal(p, bytes, got.SecretData.Reveal())
		require.Equal(p, "binary", got.SecretDataType)
		longest := strings.Repeat("秘", kmsapi.MaxSecretData/3)
		p.put(name, "v2", longest)
		require.Equal(p, longest, p.value(kmsapi.GetSecretValueRequest{SecretName: name}).SecretData.Reveal())
		p.refused(kmsapi.ErrInvalidParameter.WithMessage("SecretData"), &kmsapi.PutSecretValueRequest{
			SecretName: name, VersionId: "v3", SecretData: kmsapi.NewSecret(longest + "x"),
		})
		p.refused(kmsapi.ErrResourceExists, &kmsapi.PutSecretValueRequest{
			SecretName: name, VersionId: "v2", SecretData: kmsapi.NewSecret("other"),
		})
	})
}

func TestSecretsAreListedTaggedAndFound(t *testing.T) {
	everyDialect(t, func(p player) {
		name := p.newSecret(kmsapi.CreateSecretRequest{})
		p.must(&kmsapi.TagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeSecret, ResourceIds: []string{name},
			Tags: kmsapi.Tags{{TagKey: "found", TagValue: name}},
		})
		tagged := do[kmsapi.ListTagResourcesResponse](p, &kmsapi.ListTagResourcesRequest{
			ResourceType: kmsapi.ResourceTypeSecret, ResourceIds: []string{name},
		})
		require.Equal(p, []kmsapi.TagResourceEntry{
			{ResourceId: name, ResourceType: "secret", TagKey: "found", TagValue: name},
		}, tagged.TagResources.TagResource)
		listed := do[kmsapi.ListSecretsResponse](p, &kmsapi.ListSecretsRequest{
			FetchTags: true, Filters: kmsapi.SecretFilters{{Key: kmsapi.FilterByTagValue, Values: []string{name}}},
		})
		require.Equal(p, 1, listed.TotalCount)
		require.Equal(p, name, listed.SecretList.Secret[0].SecretName)
		require.Equal(p, []kmsapi.Tag{{TagKey: "found", TagValue: name}}, listed.SecretList.Secret[0].Tags.Tag)
	})
}

func TestRandomPasswordsAreAsAskedFor(t *testing.T) {
	everyDialect(t, func(p player) {
		got := do[kmsapi.GetRandomPasswordResponse](p, &kmsapi.GetRandomPasswordRequest{
			PasswordLength: 128, ExcludePunctuation: true, ExcludeCharacters: "lI0O", RequireEachIncludedType: "true",
		})
		require.Regexp(p, "^[a-km-zA-HJ-NP-Z1-9]{128}$", got.RandomPassword.Reveal())
		full := do[kmsapi.GetRandomPasswordResponse](p, &kmsapi.GetRandomPasswordRequest{PasswordLength: 128})
		require.Len(p, full.RandomPassword.Reveal(), 128, "whatever has to be escaped in it")
	})
}

// The secrets-manager clients, ack-secret-manager and the CSI provider read a secret like this, repeatedly, and decode
// binary values.
func TestAReaderThatPollsSeesARotation(t *testing.T) {
	p := acs3.player(t)
	name := p.newSecret(kmsapi.CreateSecretRequest{
		SecretData: kmsapi.NewSecret(base64.StdEncoding.EncodeToString([]byte("first"))), SecretDataType: "binary",
	})
	read := func() (version, data string) {
		got := p.value(kmsapi.GetSecretValueRequest{
			SecretName: name, VersionStage: "ACSCurrent", FetchExtendedConfig: true,
		})
		require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, got.CreateTime)
		data = got.SecretData.Reveal()
		if got.SecretDataType == "binary" {
			decoded, err := base64.StdEncoding.DecodeString(data)
			require.NoError(t, err)
			data = string(decoded)
		}
		return got.VersionId, data
	}
	version, data := read()
	require.Equal(t, "v1 first", version+" "+data)
	p.put(name, "v2", "second")
	version, data = read()
	require.Equal(t, "v2 second", version+" "+data)
}

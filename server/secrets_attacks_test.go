package server_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func secretARN(name string) string {
	return "acs:kms:cn-hangzhou:" + restrictedAccount + ":secret/" + name
}

func TestPermissionsOnSecrets(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	create := func(c caller, name string, more ...string) answer {
		pairs := []string{"SecretName", name, "VersionId", "1", "SecretData", "canary"}
		return c.do("CreateSecret", append(pairs, more...)...)
	}
	for name, more := range map[string][]string{
		"db/a": nil, "db/mine": {"EncryptionKeyId", mine}, "db/other": {"EncryptionKeyId", other}, "web/a": nil,
	} {
		create(root, name, more...).refusedNot(t)
	}
	c := root.allow("LTAIsome",
		server.Allow{
			Actions:   []string{"kms:GetSecretValue", "kms:PutSecretValue", "kms:TagResource"},
			Resources: []string{secretARN("db/*")},
		},
		server.Allow{Actions: []string{"kms:CreateSecret"}, Resources: []string{"acs:kms:*:*:secret"}},
		server.Allow{Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []string{keyARN(mine)}})
	for _, name := range []string{"db/a", "db/mine", secretARN("db/a")} {
		c.must("GetSecretValue", "SecretName", name)
		c.must("PutSecretValue", "SecretName", name, "VersionId", "2", "SecretData", "canary")
	}
	c.must("TagResource", "SecretName", "db/a", "Tags", `[{"TagKey":"a"}]`)
	create(c, "web/new", "EncryptionKeyId", mine).refusedNot(t)
	c.must("GetRandomPassword")
	for what, got := range map[string]answer{
		"another secret":             c.do("GetSecretValue", "SecretName", "web/a"),
		"a secret that is not there": c.do("GetSecretValue", "SecretName", "web/none"),
		"what is no name":            c.do("GetSecretValue", "SecretName", "db/*"),
		"a key of somebody else":     c.do("GetSecretValue", "SecretName", "db/other"),
		"writing with it": c.do("PutSecretValue", "SecretName", "db/other", "VersionId", "2",
			"SecretData", "canary"),
		"making a secret with it":    create(c, "db/new", "EncryptionKeyId", other),
		"making one with a lost key": create(c, "db/new", "EncryptionKeyId", "00000000-0000-4000-8000-000000000000"),
		"another action":             c.do("DeleteSecret", "SecretName", "db/a"),
		"tags of another secret":     c.do("TagResource", "SecretName", "web/a", "Tags", `[{"TagKey":"a"}]`),
		"tags of several": c.do("TagResources", "ResourceType", "secret", "ResourceId.1", "db/a",
			"Tag.1.Key", "a"),
		"listing":                       c.do("ListSecrets"),
		"all tags":                      c.do("ListTagResources", "ResourceType", "secret", "Tag.1.Key", "a"),
		"a dry run of somebody's value": c.do("GetSecretValue", "SecretName", "web/a", "DryRun", "true"),
	} {
		t.Run(what, func(t *testing.T) {
			require.Equal(t, http.StatusForbidden, got.status, "%s", got.body)
			require.NotContains(t, string(got.body), other[:30]+"\"", "the key of a secret is not for everybody")
			require.NotContains(t, string(got.body), "canary")
		})
	}
	require.Equal(t, strings.ReplaceAll(c.do("GetSecretValue", "SecretName", "web/a").Message, "web/a", "…"),
		strings.ReplaceAll(c.do("GetSecretValue", "SecretName", "web/none").Message, "web/none", "…"))
	require.NotContains(t, c.do("GetSecretValue", "SecretName", "db/other").Message, other)
}

func TestAnotherAccountAndAnotherRegionHaveNoneOfOurSecrets(t *testing.T) {
	l := newLab(t, neighbours)
	l.must("CreateSecret", "SecretName", "s", "VersionId", "1", "SecretData", "ours")
	attack := func(t *testing.T, more ...string) {
		for _, op := range server.Operations() {
			if isOnSecret(op) {
				got := l.do(string(op), append(secretParameters("s"), more...)...)
				require.Equal(t, kmsapi.ErrResourceNotFound.Code, got.Code, "%s: %s", op, got.body)
			}
		}
		require.Zero(t, l.must("ListSecrets", more...).TotalCount)
		l.must("CreateSecret", append([]string{"SecretName", "s", "VersionId", "1", "SecretData", "theirs"}, more...)...)
	}
	t.Run("another region", func(t *testing.T) { attack(t, "RegionId", "cn-beijing") })
	t.Run("another account", func(t *testing.T) {
		defer l.as("LTAIstranger", "the stranger's secret")()
		attack(t)
	})
	require.Contains(t, string(l.must("GetSecretValue", "SecretName", "s").body), `"SecretData":"ours"`)
}

// Names and version ids may have slashes, so parts of them could be confused with one another.
func TestNamesThatLookAlikeAreOfDifferentSecrets(t *testing.T) {
	w := newWire(t)
	for _, name := range []string{"a", "a/b", "a/b/c", "A", "a.b", "a=b"} {
		for _, version := range []string{"b", "b/c", "c"} {
			w.do("CreateSecret", "SecretName", name, "VersionId", "first", "SecretData", name)
			w.must("PutSecretValue", "SecretName", name, "VersionId", version, "SecretData", name+" "+version)
		}
	}
	for _, name := range []string{"a", "a/b", "a/b/c", "A", "a.b", "a=b"} {
		for _, version := range []string{"b", "b/c", "c"} {
			_, data := w.value(name, "VersionId", version)
			require.Equal(t, name+" "+version, data)
		}
	}
	w.must("DeleteSecret", "SecretName", "a", "ForceDeleteWithoutRecovery", "true")
	_, data := w.value("a/b", "VersionId", "c")
	require.Equal(t, "a/b c", data)
	for _, name := range []string{"a:b", "a/b:c", "../a", "a\x00", "a//"} {
		require.GreaterOrEqual(t, w.do("GetSecretValue", "SecretName", name).status, 400, name)
	}
	w.requireGoodStore(5)
}

// No matter which operation uses a secret, its value appears only in the answer to the caller.
func TestAValueIsNowhereButInItsAnswer(t *testing.T) {
	const canary = "canary-of-a-secret"
	ops := withOps(t)
	w := configured(t, ops)
	key := w.createKey()
	for name, more := range map[string][]string{"s": nil, "k": {"EncryptionKeyId", key}} {
		pairs := append([]string{"SecretName", name, "VersionId", "1", "SecretData", canary}, more...)
		for _, got := range []answer{
			w.must("CreateSecret", pairs...), w.do("CreateSecret", pairs...),
			w.must("PutSecretValue", pairs[:6]...), w.do("PutSecretValue", setPair(pairs[:6], "SecretDataType", "binary")...),
			w.do("PutSecretValue", setPair(pairs[:6], "SecretDataType", "neither")...),
			w.do("PutSecretValue", setPair(pairs[:6], "VersionStages", "[]")...),
			w.do("PutSecretValue", setPair(pairs[:6], "SecretData", strings.Repeat(canary, 2000))...),
			w.do("CreateSecret", setPair(pairs, "SecretName", "no name")...),
			w.do("GetSecretValue", "SecretName", name, "DryRun", "true"),
			w.must("DescribeSecret", "SecretName", name), w.must("ListSecretVersionIds", "SecretName", name),
		} {
			require.NotContains(t, string(got.body), canary)
		}
		_, data := w.value(name)
		require.Equal(t, canary, data)
	}
	require.NotContains(t, w.metrics(), canary)
	config := w.kms.Config()
	w.kms.Stop()
	for _, file := range []string{config.Audit.File, config.Storage.Path} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.False(t, bytes.Contains(content, []byte(canary)), file)
		require.True(t, bytes.Contains(content, []byte("cn-hangzhou")), "the file is searched")
	}
	w.kms.Start()
}

func TestASecretFollowsTheStateOfItsKey(t *testing.T) {
	w := newWire(t)
	key, other := w.createKey(), w.createKey("KeySpec", "EC_P256")
	w.createSecret("none", "EncryptionKeyId", other).refused(t, kmsapi.ErrUnsupportedOperation)
	w.createSecret("none", "EncryptionKeyId", "00000000-0000-4000-8000-000000000000").refused(t, kmsapi.ErrKeyNotFound)
	w.must("CreateAlias", "AliasName", "alias/of-secrets", "KeyId", key)
	w.createSecret("s", "EncryptionKeyId", "alias/of-secrets").refusedNot(t)
	described := into[kmsapi.DescribeSecretResponse](t, w.must("DescribeSecret", "SecretName", "s"))
	require.Equal(t, key, described.EncryptionKeyId)

	w.must("CreateKeyVersion", "KeyId", key)
	w.putValue("s", "v2").refusedNot(t)
	_, data := w.value("s", "VersionId", "v1")
	require.Equal(t, "value of v1", data, "a version that has sealed a value opens it")
	w.must("DisableKey", "KeyId", key)
	w.do("GetSecretValue", "SecretName", "s").refused(t, kmsapi.ErrRejectedDisabled)
	w.putValue("s", "v3").refused(t, kmsapi.ErrRejectedDisabled)
	w.putValue("s", "v2").refused(t, kmsapi.ErrRejectedDisabled)
	w.must("DescribeSecret", "SecretName", "s")
	w.must("EnableKey", "KeyId", key)
	w.value("s")
	w.must("ScheduleKeyDeletion", "KeyId", key, "PendingWindowInDays", "7")
	w.do("GetSecretValue", "SecretName", "s").refused(t, kmsapi.ErrRejectedPendingDeletion)
	w.kms.Advance(8 * 24 * time.Hour)
	require.NoError(t, w.kms.Sweep())
	w.do("GetSecretValue", "SecretName", "s").refused(t, kmsapi.ErrKeyNotFound)
	w.must("DeleteSecret", "SecretName", "s", "ForceDeleteWithoutRecovery", "true")
}

func TestSecretsOfInstances(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-other"})
	inside, outside := w.createIn(), w.createKey()
	w.createSecret("none", "DKMSInstanceId", "kst-none").refused(t, kmsapi.ErrResourceNotFound)
	w.createSecret("none", "DKMSInstanceId", "kst-dev", "EncryptionKeyId", outside).refused(t, kmsapi.ErrInvalidParameter)
	w.createSecret("inside", "EncryptionKeyId", inside).refusedNot(t)
	w.createSecret("other", "DKMSInstanceId", "kst-other").refusedNot(t)
	w.createSecret("outside").refusedNot(t)
	require.Contains(t, string(w.must("DescribeSecret", "SecretName", "inside").body), `"DKMSInstanceId":"kst-dev"`)
	dedicated := w.dedicated()
	_, data := dedicated.value("inside")
	require.Equal(t, "value of v1", data)
	for _, name := range []string{"other", "outside"} {
		dedicated.do("GetSecretValue", "SecretName", name).refused(t, kmsapi.ErrResourceNotFound)
	}
	dedicated.do("DescribeSecret", "SecretName", "inside").refused(t, kmsapi.ErrInvalidAPIName)
	w.setInstance(off)
	w.value("inside")
}

func TestAServiceForFIPSHasSecrets(t *testing.T) {
	if !inMode(t, "on") {
		return
	}
	l := newLab(t, withFIPS)
	for name, more := range map[string][]string{"s": nil, "k": {"EncryptionKeyId", l.createKey()}} {
		l.must("CreateSecret", append([]string{"SecretName", name, "VersionId", "1", "SecretData", "one"}, more...)...)
		require.Contains(t, string(l.must("GetSecretValue", "SecretName", name).body), `"SecretData":"one"`)
	}
	l.must("GetRandomPassword")
}

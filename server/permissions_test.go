package server_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const restrictedAccount = "1000000000000001"

// restricted starts a service with the access key LTAIroot, which may do everything, and returns its caller. allow adds
// others.
func restricted(t *testing.T) caller {
	w := configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{{ID: restrictedAccount, AccessKeys: []server.AccessKey{accessKey("LTAIroot")}}}
	})
	return w.as("LTAIroot")
}

// allow gives the access key id exactly these permissions, and returns its caller.
func (c caller) allow(id string, allow ...server.Allow) caller {
	c.t.Helper()
	require.NoError(c.t, c.kms.Reload(func(config *server.Config) {
		config.Accounts[0].AccessKeys = []server.AccessKey{accessKey("LTAIroot"), accessKey(id, allow...)}
	}))
	return c.as(id)
}

func keyARN(id string) string { return "acs:kms:cn-hangzhou:" + restrictedAccount + ":key/" + id }

func TestWhatIsNotAllowedIsForbidden(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	root.must("CreateAlias", "KeyId", mine, "AliasName", "alias/mine")
	root.must("CreateAlias", "KeyId", other, "AliasName", "alias/other")
	blobs := map[string]string{}
	for _, id := range []string{mine, other} {
		blobs[id] = root.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	}
	c := root.allow("LTAIsome", server.Allow{
		Actions:   []string{"kms:Encrypt", "kms:Decrypt", "kms:Describe*", "kms:*Alias"},
		Resources: []string{keyARN(mine), "acs:kms:*:*:alias/mine*"},
	})
	tag := `[{"TagKey":"a","TagValue":"b"}]`
	for _, tc := range []struct {
		name     string
		action   string
		pairs    []string
		resource string
	}{
		{"an action that no block names", "DisableKey", []string{"KeyId", mine}, keyARN(mine)},
		{"another action on tags", "TagResource", []string{"KeyId", mine, "Tags", tag}, keyARN(mine)},
		{"another key", "Encrypt", []string{"KeyId", other, "Plaintext", "x"}, keyARN(other)},
		{
			"another key by its alias", "Encrypt",
			[]string{"KeyId", "alias/other", "Plaintext", "x"},
			"acs:kms:cn-hangzhou:" + restrictedAccount + ":alias/other",
		},
		{"another key by a ciphertext", "Decrypt", []string{"CiphertextBlob", blobs[other]}, keyARN("*")},
		{
			"an alias of another name", "CreateAlias",
			[]string{"KeyId", mine, "AliasName", "alias/new"},
			"acs:kms:cn-hangzhou:" + restrictedAccount + ":alias/new",
		},
		{"an alias for another key", "CreateAlias", []string{"KeyId", other, "AliasName", "alias/mine-2"}, keyARN(other)},
		{
			"an alias that names another key", "DeleteAlias",
			[]string{"AliasName", "alias/other"},
			"acs:kms:cn-hangzhou:" + restrictedAccount + ":alias/other",
		},
		{"making keys", "CreateKey", nil, "acs:kms:cn-hangzhou:" + restrictedAccount + ":key"},
		{"listing keys", "ListKeys", nil, "acs:kms:cn-hangzhou:" + restrictedAccount + ":key"},
		{"listing aliases", "ListAliases", nil, "acs:kms:cn-hangzhou:" + restrictedAccount + ":alias"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := c.do(tc.action, tc.pairs...)
			got.refused(t, kmsapi.ErrNoPermission)
			require.Equal(t, "This operation for "+tc.resource+" is forbidden by permission system. "+
				"It needs the permission kms:"+tc.action+".", got.Message)
		})
	}
	t.Run("what is allowed goes", func(t *testing.T) {
		for _, id := range []string{mine, "alias/mine"} {
			blob := c.must("Encrypt", "KeyId", id, "Plaintext", "y").CiphertextBlob
			require.Equal(t, "y", c.must("Decrypt", "CiphertextBlob", blob).Plaintext)
			c.must("DescribeKey", "KeyId", id)
		}
		c.must("CreateAlias", "KeyId", mine, "AliasName", "alias/mine-2")
		c.must("DeleteAlias", "AliasName", "alias/mine-2")
		c.must("DescribeRegions")
	})
	t.Run("nothing was done", func(t *testing.T) {
		require.Equal(t, 2, root.must("ListKeys").TotalCount)
		require.Equal(t, 2, root.must("ListAliases").TotalCount)
		require.Equal(t, kmsapi.Enabled, root.must("DescribeKey", "KeyId", mine).KeyMetadata.KeyState)
	})
}

func TestAnAliasIsNotTakenFromACMKWithoutPermissionOnIt(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	root.must("CreateAlias", "KeyId", other, "AliasName", "alias/payroll")
	c := root.allow("LTAIsome",
		server.Allow{Actions: []string{"kms:*"}, Resources: []string{keyARN(mine), "acs:kms:*:*:alias/*"}})
	c.do("UpdateAlias", "AliasName", "alias/payroll", "KeyId", mine).refused(t, kmsapi.ErrNoPermission)
	c.do("DeleteAlias", "AliasName", "alias/payroll").refused(t, kmsapi.ErrNoPermission)
	require.Equal(t, other, root.must("DescribeKey", "KeyId", "alias/payroll").KeyMetadata.KeyId)
}

func TestARefusalDoesNotTellWhatThereIs(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	disabled := root.must("CreateKey").KeyMetadata.KeyId
	root.must("DisableKey", "KeyId", disabled)
	root.must("CreateAlias", "KeyId", other, "AliasName", "alias/there")
	blob := root.must("Encrypt", "KeyId", other, "Plaintext", "text").CiphertextBlob
	nobody := "00000000-0000-4000-8000-000000000000"
	c := root.allow("LTAIsome",
		server.Allow{Actions: []string{"kms:*"}, Resources: []string{keyARN(mine), "acs:kms:*:*:alias/*"}})

	// said returns the message of a refusal without words, which came from the caller.
	said := func(words, action string, pairs ...string) string {
		got := c.do(action, pairs...)
		got.refused(t, kmsapi.ErrNoPermission)
		return strings.ReplaceAll(got.Message, words, "…")
	}
	require.Equal(t, said(other, "DescribeKey", "KeyId", other), said(nobody, "DescribeKey", "KeyId", nobody))
	require.Equal(t, said(other, "Encrypt", "KeyId", other, "Plaintext", "x"),
		said(disabled, "Encrypt", "KeyId", disabled, "Plaintext", "x"))
	require.Equal(t, said("there", "DescribeKey", "KeyId", "alias/there"),
		said("none", "DescribeKey", "KeyId", "alias/none"))
	require.Equal(t, said("there", "DeleteAlias", "AliasName", "alias/there"),
		said("none", "DeleteAlias", "AliasName", "alias/none"))
	require.Equal(t, said("there", "UpdateAlias", "AliasName", "alias/there", "KeyId", mine),
		said("none", "UpdateAlias", "AliasName", "alias/none", "KeyId", mine))
	require.Equal(t, said(blob, "Decrypt", "CiphertextBlob", blob),
		said(nobody, "Decrypt", "CiphertextBlob", otherVersion(t, blob, nobody)))
	require.NotContains(t, c.do("Decrypt", "CiphertextBlob", blob).Message, other)
	for _, action := range []string{"ExportDataKey", "ReEncrypt"} {
		pairs := append(toRecipient(), "DestinationKeyId", mine, "CiphertextBlob")
		require.Equal(t, said(blob, action, append(pairs, blob)...),
			said(nobody, action, append(pairs, otherVersion(t, blob, nobody))...))
	}
	opens := c.must("Encrypt", "KeyId", mine, "Plaintext", "x").CiphertextBlob
	for there, none := range map[string]string{"alias/there": "alias/none", other: nobody, disabled: nobody} {
		require.Equal(t, said(there, "ReEncrypt", "CiphertextBlob", opens, "DestinationKeyId", there),
			said(none, "ReEncrypt", "CiphertextBlob", opens, "DestinationKeyId", none))
	}

	t.Run("a caller that may use every key learns that one is missing", func(t *testing.T) {
		all := root.allow("LTAIall",
			server.Allow{Actions: []string{"kms:*"}, Resources: []string{"acs:kms:*:*:key/*", "acs:kms:*:*:alias/*"}})
		all.do("DescribeKey", "KeyId", nobody).refused(t, kmsapi.ErrKeyNotFound)
		all.do("DescribeKey", "KeyId", "alias/none").refused(t, kmsapi.ErrAliasNotFound)
		all.do("DeleteAlias", "AliasName", "alias/none").refused(t, kmsapi.ErrAliasNotFound)
		all.do("Decrypt", "CiphertextBlob", otherVersion(t, blob, nobody)).refused(t, kmsapi.ErrKeyNotFound)
	})
	t.Run("a caller that may use the one key learns that it is missing", func(t *testing.T) {
		gone := root.allow("LTAIgone",
			server.Allow{Actions: []string{"kms:DescribeKey"}, Resources: []string{keyARN(nobody)}})
		gone.do("DescribeKey", "KeyId", nobody).refused(t, kmsapi.ErrKeyNotFound)
	})
}

// otherVersion returns the ciphertext blob with the id of another key version in it.
func otherVersion(t *testing.T, blob, version string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(t, err)
	copy(raw, version)
	return base64.StdEncoding.EncodeToString(raw)
}

func TestResourcesAreMatchedAsAWhole(t *testing.T) {
	root := restricted(t)
	id := root.must("CreateKey").KeyMetadata.KeyId
	for _, tc := range []struct {
		name, pattern string
		allowed       bool
	}{
		{"the key itself", keyARN(id), true},
		{"everything", "*", true},
		{"every key", "acs:kms:*:*:key/*", true},
		{"everything of KMS", "acs:kms:*:*:*", true},
		{"the region's keys", "acs:kms:cn-hangzhou:*:key/*", true},
		{"the account's keys", "acs:kms:*:" + restrictedAccount + ":key/*", true},
		{"the beginning of the id", keyARN(id[:8] + "*"), true},
		{"the end of the id", keyARN("*" + id[8:]), true},
		{"both ends", keyARN(id[:8] + "*" + id[30:]), true},
		{"the beginning without *", keyARN(id[:8]), false},
		{"the id and more", keyARN(id + "0"), false},
		{"another region", "acs:kms:cn-beijing:*:key/*", false},
		{"another account", "acs:kms:*:1:key/*", false},
		{"the container", "acs:kms:*:*:key", false},
		{"aliases", "acs:kms:*:*:alias/*", false},
		{"ends that overlap", keyARN(id[:20] + "*" + id[10:]), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := root.allow("LTAIsome", server.Allow{Actions: []string{"kms:DescribeKey"}, Resources: []string{tc.pattern}})
			got := c.do("DescribeKey", "KeyId", id)
			if tc.allowed {
				require.Equal(t, http.StatusOK, got.status, "%s", got.body)
				return
			}
			got.refused(t, kmsapi.ErrNoPermission)
		})
	}
	t.Run("an action and a resource of two blocks don't make a permission", func(t *testing.T) {
		c := root.allow("LTAIsome",
			server.Allow{Actions: []string{"kms:Encrypt"}, Resources: []string{keyARN(id)}},
			server.Allow{Actions: []string{"kms:DescribeKey"}, Resources: []string{"acs:kms:cn-beijing:*:key/*"}})
		c.do("DescribeKey", "KeyId", id).refused(t, kmsapi.ErrNoPermission)
		c.must("Encrypt", "KeyId", id, "Plaintext", "x")
	})
}

// Every operation on a resource checks permissions, whatever kind of resource it is.
func TestNoOperationForgetsToAskForPermission(t *testing.T) {
	root := restricted(t)
	key := root.must("CreateKey", "Origin", "EXTERNAL").KeyMetadata.KeyId
	token := root.must("GetParametersForImport", "KeyId", key,
		"WrappingAlgorithm", "RSAES_OAEP_SHA_256", "WrappingKeySpec", "RSA_2048").ImportToken
	enabled := root.must("CreateKey").KeyMetadata.KeyId
	root.must("CreateAlias", "KeyId", enabled, "AliasName", "alias/a")
	blob := root.must("Encrypt", "KeyId", enabled, "Plaintext", "x").CiphertextBlob
	everything := []string{
		"CreateKey", "DescribeKey", "ListKeys", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion",
		"Encrypt", "Decrypt",
		"GenerateDataKey", "CreateAlias", "UpdateAlias", "DeleteAlias", "ListAliases", "ListAliasesByKeyId", "TagResource",
		"UntagResource",
		"ListResourceTags", "GetParametersForImport", "ImportKeyMaterial", "DeleteKeyMaterial", "DescribeRegions",
		"GetKmsInstance", "ListKmsInstances", "GetDefaultKmsInstance", "GetKeyPolicy", "SetKeyPolicy",
		"GenerateDataKeyWithoutPlaintext", "ExportDataKey", "GenerateAndExportDataKey", "ReEncrypt",
		"CreateKeyVersion", "DescribeKeyVersion", "ListKeyVersions", "UpdateRotationPolicy",
		"GetPublicKey", "AsymmetricSign", "AsymmetricVerify", "AsymmetricEncrypt", "AsymmetricDecrypt",
		"UpdateKeyDescription", "SetDeletionProtection", "TagResources", "UntagResources", "ListTagResources",
		"DescribeAccountKmsStatus", "OpenKmsService",
		"CreateSecret", "PutSecretValue", "GetSecretValue", "DescribeSecret", "ListSecrets", "ListSecretVersionIds",
		"UpdateSecret", "UpdateSecretVersionStage", "DeleteSecret", "RestoreSecret", "RotateSecret",
		"UpdateSecretRotationPolicy", "GetSecretPolicy", "SetSecretPolicy", "GetRandomPassword",
	}
	var known []string
	for _, operation := range server.Operations() {
		known = append(known, string(operation))
	}
	require.ElementsMatch(t, known, everything, "a new operation belongs in this test")

	allButThese := server.Allow{Actions: []string{"kms:*"}, Resources: []string{keyARN("00000000-*")}}
	c := root.allow("LTAIsome", allButThese)
	for _, action := range everything {
		pairs := []string{
			"Plaintext", "x", "CiphertextBlob", blob, "PendingWindowInDays", "7", "Tags", `[{"TagKey":"a","TagValue":"b"}]`,
			"TagKeys", `["a"]`, "WrappingAlgorithm", "RSAES_OAEP_SHA_256", "WrappingKeySpec", "RSA_2048", "EncryptedKeyMaterial",
			"AAAA", "ImportToken", token, "Policy", "{}", "KeyVersionId", "x", "EnableAutomaticRotation", "false",
			"EnableDeletionProtection", "true", "ResourceType", "key",
			"Tag.1.Key", "a", "TagKey.1", "a", "Digest", aDigest, "Value", "eA==",
		}
		pairs = append(pairs, algorithmOf(kmsapi.Operation(action))...)
		switch action {
		case "DescribeRegions", "DescribeAccountKmsStatus", "OpenKmsService", "GetRandomPassword":
			continue
		case "TagResources", "UntagResources":
			c.do(action, append(setPair(pairs, "ResourceType", "secret"), "ResourceId.1", "a")...).
				refused(t, kmsapi.ErrNoPermission)
			pairs = append(pairs, "ResourceId.1", enabled)
		case "TagResource", "UntagResource":
			c.do(action, append(pairs, "SecretName", "a")...).refused(t, kmsapi.ErrNoPermission)
			pairs = append(pairs, "KeyId", enabled)
		case "ListTagResources":
			ofSecrets := setPair(pairs, "ResourceType", "secret")
			c.do(action, ofSecrets...).refused(t, kmsapi.ErrNoPermission)
			c.do(action, append(ofSecrets, "ResourceId.1", "a")...).refused(t, kmsapi.ErrNoPermission)
			c.do(action, append(pairs, "ResourceId.1", enabled)...).refused(t, kmsapi.ErrNoPermission)
		case "CreateAlias", "UpdateAlias":
			pairs = append(pairs, "KeyId", enabled, "AliasName", "alias/b")
		case "DeleteAlias":
			pairs = append(pairs, "AliasName", "alias/a")
		case "GetKmsInstance":
			pairs = append(pairs, "KmsInstanceId", c.kms.Instance.ID)
		case "ExportDataKey", "GenerateAndExportDataKey":
			pairs = append(toRecipient(), "KeyId", enabled, "CiphertextBlob", blob)
		case "ReEncrypt":
			pairs = append(pairs, "DestinationKeyId", enabled)
		case "Decrypt", "ImportKeyMaterial", "CreateKey", "ListSecrets", "ListKeys", "ListAliases", "ListKmsInstances",
			"GetDefaultKmsInstance": // They name no CMK.
		default:
			pairs = append(pairs, "KeyId", enabled)
			if isOnSecret(kmsapi.Operation(action)) {
				pairs = secretParameters("a")
			}
		}
		c.do(action, pairs...).refused(t, kmsapi.ErrNoPermission)
	}
	for _, action := range []string{
		"DescribeRegions", "DescribeAccountKmsStatus", "OpenKmsService", "GetRandomPassword",
	} {
		c.must(action)
	}
}

package server_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// neighbours adds a second access key to the account, and a second account.
func neighbours(c *server.Config) {
	own := &c.Accounts[0]
	own.AccessKeys = append(own.AccessKeys, server.AccessKey{ID: "LTAIcolleague", Secret: "the colleague's secret"})
	c.Accounts = append(c.Accounts, server.Account{
		ID: "654321", AccessKeys: []server.AccessKey{{ID: "LTAIstranger", Secret: "the stranger's secret"}},
	})
}

// as makes another access key sign the requests that follow, and returns a function that restores the former one.
func (l *lab) as(id, secret string) (back func()) {
	before := l.caller
	l.caller = signature.Credentials{AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(secret)}
	return func() { l.caller = before }
}

func TestTheSecretOfOneAccessKeyDoesNotSignForAnother(t *testing.T) {
	l := newLab(t, neighbours)
	own := l.caller.AccessKeyID
	for id, secret := range map[string]string{
		own: "the colleague's secret", "LTAIcolleague": "the stranger's secret", "LTAIstranger": "the colleague's secret",
	} {
		back := l.as(id, secret)
		l.do("CreateKey").refused(t, kmsapi.ErrIncompleteSignature)
		got := l.send(request(http.MethodPost, "/", "", l.acs3("CreateKey", nil, "")), "")
		got.refused(t, kmsapi.ErrIncompleteSignature)
		back()
	}
	require.Zero(t, l.must("ListKeys").TotalCount)
}

func TestANonceBelongsToItsAccessKey(t *testing.T) {
	l := newLab(t, neighbours)
	l.must("ListKeys")
	defer l.as("LTAIstranger", "the stranger's secret")()
	l.nonces = 0
	l.must("ListKeys") // A stranger can't use up the nonces of others.
}

// keyParameters returns parameters that suit every operation on the CMK called id, with this alias and this ciphertext.
func keyParameters(id, alias, blob string) []string {
	return []string{
		"KeyId", id, "AliasName", alias, "CiphertextBlob", blob, "Plaintext", "eA==", "PendingWindowInDays", "7",
		"Tags", `[{"TagKey":"a","TagValue":"1"}]`, "TagKeys", `["a"]`, "WrappingAlgorithm", kmsapi.WrapOAEPSHA256,
		"WrappingKeySpec", kmsapi.WrappingKeySpecRSA2048, "ImportToken", "eA==", "EncryptedKeyMaterial", "eA==",
		"KeyVersionId", id, "EnableAutomaticRotation", "false",
		"Policy", "{}", "PublicKeyBlob", publicKeyBlob("rsa_2048"), "DestinationKeyId", id,
		"EnableDeletionProtection", "true", "ResourceType", "key", "ResourceId.1", id, "Tag.1.Key", "a",
		"TagKey.1", "a", "Digest", aDigest, "Value", "eA==",
	}
}

// algorithmOf returns the Algorithm parameter of op, whose values differ between operations.
func algorithmOf(op kmsapi.Operation) []string {
	for _, rule := range kmsapi.Describe(op.NewRequest()) {
		if rule.Name == "Algorithm" {
			return []string{rule.Name, rule.OneOf[0]}
		}
	}
	return nil
}

// onOneKey returns the operations on a CMK that the request names by its id, an alias or a ciphertext.
func onOneKey() (operations []kmsapi.Operation) {
	notOnOne := []kmsapi.Operation{
		kmsapi.OpCreateKey, kmsapi.OpListKeys, kmsapi.OpListAliases, kmsapi.OpDescribeRegions,
		kmsapi.OpGetKmsInstance, kmsapi.OpListKmsInstances, kmsapi.OpGetDefaultKmsInstance,
		kmsapi.OpDescribeAccountKmsStatus, kmsapi.OpOpenKmsService,
	}
	for _, op := range server.Operations() {
		isOnSecrets := strings.Contains(string(op), "Secret") || op == kmsapi.OpGetRandomPassword
		if !slices.Contains(notOnOne, op) && !isOnSecrets {
			operations = append(operations, op)
		}
	}
	return operations
}

func TestAnotherAccountAndAnotherRegionHaveNothingOfOurs(t *testing.T) {
	l := newLab(t, neighbours)
	id := l.createKey()
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob
	l.must("CreateAlias", "KeyId", id, "AliasName", "alias/ours")
	before := l.must("DescribeKey", "KeyId", id).KeyMetadata
	attack := func(t *testing.T, more ...string) {
		for _, op := range onOneKey() {
			got := l.do(string(op), slices.Concat(keyParameters(id, "alias/ours", blob), algorithmOf(op), more)...)
			require.Equal(t, http.StatusNotFound, got.status, "%s: %s", op, got.body)
			require.Contains(t, []kmsapi.Code{kmsapi.ErrKeyNotFound.Code, kmsapi.ErrAliasNotFound.Code}, got.Code, op)
		}
		l.do("Encrypt", append([]string{"KeyId", "alias/ours", "Plaintext", "eA=="}, more...)...).
			refused(t, kmsapi.ErrAliasNotFound)
		require.Zero(t, l.must("ListKeys", more...).TotalCount)
		require.Zero(t, l.must("ListAliases", more...).TotalCount)
		require.Zero(t, l.must("ListKmsInstances", more...).TotalCount)
		l.do("GetKmsInstance", append([]string{"KmsInstanceId", "kst-dev"}, more...)...).
			refused(t, kmsapi.ErrInstanceNotFound)
		l.do("CreateKey", append([]string{"DKMSInstanceId", "kst-dev"}, more...)...).
			refused(t, kmsapi.ErrInstanceNotFound)
		own := l.must("CreateKey", more...).KeyMetadata.KeyId
		l.must("CreateAlias", append([]string{"KeyId", own, "AliasName", "alias/ours"}, more...)...)
	}
	t.Run("another region", func(t *testing.T) { attack(t, "RegionId", "cn-beijing") })
	t.Run("another account", func(t *testing.T) {
		defer l.as("LTAIstranger", "the stranger's secret")()
		attack(t)
	})
	t.Run("a colleague has it all", func(t *testing.T) {
		defer l.as("LTAIcolleague", "the colleague's secret")()
		require.Equal(t, "c2VjcmV0", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	})
	require.Equal(t, before, l.must("DescribeKey", "KeyId", id).KeyMetadata)
	require.Equal(t, 1, l.must("ListKeys").TotalCount)
}

func TestARestrictedAccessKeyReachesNothingElse(t *testing.T) {
	l := newLab(t, neighbours)
	mine, theirs := l.createKey(), l.createKey()
	l.must("CreateAlias", "KeyId", mine, "AliasName", "alias/mine")
	l.must("CreateAlias", "KeyId", theirs, "AliasName", "alias/theirs")
	seal := func(id string) string { return l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob }
	blobOfMine, blobOfTheirs := seal(mine), seal(theirs)
	before := l.must("DescribeKey", "KeyId", theirs).KeyMetadata
	l.config.Accounts[0].AccessKeys[1].Allow = []server.Allow{{
		Actions: []string{"kms:*"}, Resources: []string{"acs:kms:*:*:key/" + mine, "acs:kms:*:*:alias/mine"},
	}}
	l.restart()
	back := l.as("LTAIcolleague", "the colleague's secret")

	l.must("Encrypt", "KeyId", "alias/mine", "Plaintext", "eA==")
	require.Equal(t, "c2VjcmV0", l.must("Decrypt", "CiphertextBlob", blobOfMine).Plaintext)
	refused := func(t *testing.T, action string, pairs ...string) (message string) {
		t.Helper()
		got := l.do(action, pairs...)
		got.refused(t, kmsapi.ErrNoPermission)
		return got.Message
	}
	t.Run("a key named by its id or its ciphertext", func(t *testing.T) {
		const nobodys = "00000000-0000-4000-8000-000000000000"
		blob, err := base64.StdEncoding.DecodeString(blobOfTheirs)
		require.NoError(t, err)
		copy(blob, nobodys)
		for _, op := range onOneKey() {
			hidden := refused(t, string(op), append(keyParameters(theirs, "alias/theirs", blobOfTheirs), algorithmOf(op)...)...)
			absent := refused(t, string(op),
				append(keyParameters(nobodys, "alias/nobodys", base64.StdEncoding.EncodeToString(blob)), algorithmOf(op)...)...)
			same := strings.NewReplacer(nobodys, theirs, "alias/nobodys", "alias/theirs").Replace(absent)
			require.Equal(t, hidden, same, "%s tells what there is", op)
		}
	})
	t.Run("a key named by an alias", func(t *testing.T) {
		for _, op := range []string{"DescribeKey", "Encrypt", "GenerateDataKey"} {
			hidden := refused(t, op, keyParameters("alias/theirs", "", "")...)
			absent := refused(t, op, keyParameters("alias/nobodys", "", "")...)
			require.Equal(t, hidden, strings.ReplaceAll(absent, "nobodys", "theirs"), "%s tells what there is", op)
		}
	})
	t.Run("an alias", func(t *testing.T) {
		refused(t, "UpdateAlias", "AliasName", "alias/theirs", "KeyId", mine)
		refused(t, "UpdateAlias", "AliasName", "alias/mine", "KeyId", theirs)
		refused(t, "CreateAlias", "AliasName", "alias/theirs", "KeyId", mine)
		refused(t, "CreateAlias", "AliasName", "alias/mine", "KeyId", theirs)
		refused(t, "DeleteAlias", "AliasName", "alias/theirs")
	})
	t.Run("all there is", func(t *testing.T) {
		for _, op := range []string{"CreateKey", "ListKeys", "ListAliases"} {
			refused(t, op)
		}
	})
	back()
	require.Equal(t, before, l.must("DescribeKey", "KeyId", theirs).KeyMetadata)
	require.Equal(t, theirs, l.must("DescribeKey", "KeyId", "alias/theirs").KeyMetadata.KeyId)
	require.Equal(t, mine, l.must("DescribeKey", "KeyId", "alias/mine").KeyMetadata.KeyId)
}

// TestRefusalsDoNotTellWhatIsHidden: the API answers an unknown access key differently from a wrong signature, so only
// the signature is compared in constant time. All other refusals of a stranger must not depend on what the service
// holds.
func TestRefusalsDoNotTellWhatIsHidden(t *testing.T) {
	l := newLab(t, neighbours)
	id := l.createKey()
	defer l.as("LTAIstranger", "the stranger's secret")()
	theirs := l.do("DescribeKey", "KeyId", id)
	nobodys := l.do("DescribeKey", "KeyId", "00000000-0000-4000-8000-000000000000")
	theirs.RequestId, nobodys.RequestId = "", ""
	require.Equal(t, nobodys.ErrorResponse, theirs.ErrorResponse)
}

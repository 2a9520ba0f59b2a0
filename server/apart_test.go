package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAccountsAndRegionsAreApart(t *testing.T) {
	w := configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{
			{ID: "1000000000000001", AccessKeys: []server.AccessKey{accessKey("LTAIone"), accessKey("LTAIuno")}},
			{ID: "1000000000000002", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}},
			// A prefix of another account's number must not give access to that account.
			{ID: "100000000000000", AccessKeys: []server.AccessKey{accessKey("LTAIshort")}},
		}
	})
	type owned struct {
		caller
		key, blob string
	}
	places := map[string]*owned{}
	for _, id := range []string{"LTAIone", "LTAItwo", "LTAIshort"} {
		for _, region := range []string{"cn-hangzhou", "cn-beijing"} {
			at := &owned{caller: w.as(id)}
			at.region = region
			at.key = at.must("CreateKey").KeyMetadata.KeyId
			at.must("CreateAlias", "KeyId", at.key, "AliasName", "alias/same")
			at.must("TagResource", "KeyId", at.key, "Tags", `[{"TagKey":"place","TagValue":"`+id+region+`"}]`)
			at.blob = at.must("Encrypt", "KeyId", "alias/same", "Plaintext", "text").CiphertextBlob
			places[id+" in "+region] = at
		}
	}
	for name, at := range places {
		for otherName, other := range places {
			t.Run(name+" uses what is of "+otherName, func(t *testing.T) {
				if at == other {
					require.Equal(t, "text", at.must("Decrypt", "CiphertextBlob", at.blob).Plaintext)
					return
				}
				at.do("Decrypt", "CiphertextBlob", other.blob).refused(t, kmsapi.ErrKeyNotFound)
				for _, action := range []string{
					"DescribeKey", "DisableKey", "EnableKey", "ListResourceTags", "ListAliasesByKeyId",
					"GenerateDataKey",
				} {
					at.do(action, "KeyId", other.key).refused(t, kmsapi.ErrKeyNotFound)
				}
				at.do("Encrypt", "KeyId", other.key, "Plaintext", "x").refused(t, kmsapi.ErrKeyNotFound)
				at.do("ScheduleKeyDeletion", "KeyId", other.key, "PendingWindowInDays", "7").refused(t, kmsapi.ErrKeyNotFound)
				at.do("CreateAlias", "KeyId", other.key, "AliasName", "alias/stolen").refused(t, kmsapi.ErrKeyNotFound)
				at.do("UpdateAlias", "KeyId", other.key, "AliasName", "alias/same").refused(t, kmsapi.ErrKeyNotFound)
				at.do("TagResource", "KeyId", other.key, "Tags", `[{"TagKey":"a","TagValue":"b"}]`).
					refused(t, kmsapi.ErrKeyNotFound)
			})
		}
	}
	for name, at := range places {
		t.Run(name+" sees its own alone", func(t *testing.T) {
			require.Equal(t, at.key, at.must("DescribeKey", "KeyId", "alias/same").KeyMetadata.KeyId)
			keys := at.must("ListKeys")
			require.Equal(t, 1, keys.TotalCount)
			require.Equal(t, at.key, keys.Keys.Key[0].KeyId)
			require.Equal(t, 1, at.must("ListAliases").TotalCount)
		})
	}
	t.Run("access keys of one account share it", func(t *testing.T) {
		other := w.as("LTAIuno")
		require.Equal(t, "text", other.must("Decrypt", "CiphertextBlob", places["LTAIone in cn-hangzhou"].blob).Plaintext)
	})
}

func TestImportTokensAreGoodInTheirOwnAccountAndRegion(t *testing.T) {
	w := configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{
			{ID: "1", AccessKeys: []server.AccessKey{accessKey("LTAIone")}},
			{ID: "2", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}},
		}
	})
	one, two, elsewhere := w.as("LTAIone"), w.as("LTAItwo"), w.as("LTAIone")
	elsewhere.region = "cn-beijing"
	key := one.must("CreateKey", "Origin", "EXTERNAL").KeyMetadata.KeyId
	token := one.must("GetParametersForImport", "KeyId", key,
		"WrappingAlgorithm", "RSAES_OAEP_SHA_256", "WrappingKeySpec", "RSA_2048").ImportToken
	for name, c := range map[string]caller{"another account": two, "another region": elsewhere} {
		t.Run(name, func(t *testing.T) {
			c.do("ImportKeyMaterial", "ImportToken", token, "EncryptedKeyMaterial", "AAAA").
				refused(t, kmsapi.ErrInvalidImportToken)
		})
	}
	one.do("ImportKeyMaterial", "ImportToken", token, "EncryptedKeyMaterial", "AAAA").
		refused(t, kmsapi.ErrInvalidKeyMaterial)
}

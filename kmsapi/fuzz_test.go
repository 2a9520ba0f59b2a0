package kmsapi_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// requests makes an empty request of each kind.
var requests = []func() kmsapi.Request{
	func() kmsapi.Request { return new(kmsapi.CreateKeyRequest) },
	func() kmsapi.Request { return new(kmsapi.GetParametersForImportRequest) },
	func() kmsapi.Request { return new(kmsapi.ImportKeyMaterialRequest) },
	func() kmsapi.Request { return new(kmsapi.EnableKeyRequest) },
	func() kmsapi.Request { return new(kmsapi.ScheduleKeyDeletionRequest) },
	func() kmsapi.Request { return new(kmsapi.ListKeysRequest) },
	func() kmsapi.Request { return new(kmsapi.EncryptRequest) },
	func() kmsapi.Request { return new(kmsapi.GenerateDataKeyRequest) },
	func() kmsapi.Request { return new(kmsapi.DecryptRequest) },
	func() kmsapi.Request { return new(kmsapi.CreateAliasRequest) },
	func() kmsapi.Request { return new(kmsapi.ListAliasesByKeyIdRequest) },
	func() kmsapi.Request { return new(kmsapi.TagResourceRequest) },
	func() kmsapi.Request { return new(kmsapi.UntagResourceRequest) },
}

// FuzzDecode decodes any parameters as every kind of request. What is taken means the same once it is encoded again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "KeyId=k&Plaintext=p&EncryptionContext=%7B%22a%22%3A%22b%22%7D", "KeyId=k&NumberOfBytes=%2B7",
		"PageNumber=9223372036854775807&PageSize=101",
		"KeyId=k&Tags=%5B%7B%22TagKey%22%3A%22a%22%2C%22TagValue%22%3A%22b%22%7D%5D", "KeyId=k&TagKeys=%5B%22a%22%5D%5D",
		"AliasName=alias/a&KeyId=k",
		"KeyId=k&PendingWindowInDays=07", "Origin=EXTERNAL&Description=d",
		"CiphertextBlob=b&EncryptionContext.a=b&EncryptionContext.b=",
		"KeyId=k&ImportToken=t&EncryptedKeyMaterial=m&KeyMaterialExpireUnix=-1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		params, err := kmsapi.ParseForm(form)
		// A long context may grow over the limit when it is encoded.
		if err != nil || params.Duplicate() != "" || len(form) > 1000 {
			return
		}
		for _, empty := range requests {
			got := empty()
			if err := kmsapi.Decode(params, got); err != nil {
				require.Subset(t, []kmsapi.Code{"MissingParameter", "InvalidParameter"}, []kmsapi.Code{err.(*kmsapi.Error).Code})
				continue
			}
			again := empty()
			require.NoError(t, kmsapi.Decode(kmsapi.Encode(got), again), "%#v", got)
			require.Equal(t, kmsapi.Encode(got), kmsapi.Encode(again)) // No context and an empty one are the same.
		}
	})
}

// FuzzTags compares with encoding/json: what is taken is one JSON text.
func FuzzTags(f *testing.F) {
	for _, seed := range []string{
		`[{"TagKey":"a","TagValue":"b"}]`, `[{"TagKey":"a"}]`, `[]`, `null`, `[null]`, `[{"TagKey":"a"},{"TagKey":"a"}]`,
		`[{"TagKey":"a"}]]`,
		`[{"TagKey":"a"}]}`, `[{"TagKey":"a"}] []`, ` [ { "TagValue" : "b", "TagKey" : "\u0061" } ] `, `["a","b"]`, `["a"]]`,
		`[["a"]]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var tag kmsapi.TagResourceRequest
		if kmsapi.Decode(kmsapi.Params{{Name: "KeyId", Value: "k"}, {Name: "Tags", Value: text}}, &tag) == nil {
			require.True(t, json.Valid([]byte(text)))
			keys := map[string]bool{}
			for _, x := range tag.Tags {
				keys[x.TagKey] = true
			}
			require.Len(t, keys, len(tag.Tags))
			require.NotContains(t, keys, "")
		}
		var untag kmsapi.UntagResourceRequest
		if kmsapi.Decode(kmsapi.Params{{Name: "KeyId", Value: "k"}, {Name: "TagKeys", Value: text}}, &untag) == nil {
			require.True(t, json.Valid([]byte(text)))
			require.NotContains(t, untag.TagKeys, "")
		}
	})
}

package kmsapi_test

import (
	"encoding/json"
	"strings"
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
	func() kmsapi.Request { return new(kmsapi.SetDeletionProtectionRequest) },
	func() kmsapi.Request { return new(kmsapi.TagResourcesRequest) },
	func() kmsapi.Request { return new(kmsapi.UntagResourcesRequest) },
	func() kmsapi.Request { return new(kmsapi.ListTagResourcesRequest) },
}

// FuzzDecode decodes any parameters as every kind of request. An accepted request means the same once it is encoded
// again.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "KeyId=k&Plaintext=p&EncryptionContext=%7B%22a%22%3A%22b%22%7D", "KeyId=k&NumberOfBytes=%2B7",
		"PageNumber=9223372036854775807&PageSize=101",
		"KeyId=k&Tags=%5B%7B%22TagKey%22%3A%22a%22%2C%22TagValue%22%3A%22b%22%7D%5D", "KeyId=k&TagKeys=%5B%22a%22%5D%5D",
		"AliasName=alias/a&KeyId=k",
		"KeyId=k&PendingWindowInDays=07", "Origin=EXTERNAL&Description=d",
		"CiphertextBlob=b&EncryptionContext.a=b&EncryptionContext.b=",
		"ResourceType=key&ResourceId.1=k&ResourceId.3=l&Tag.2.Key=a&Tag.2.Value=b&Tag.1.Key=c&TagKey.1=d&All=true",
		"EnableDeletionProtection=false&ProtectedResourceArn=acs:", "Filters=%5B%7B%22Key%22%3A%22keyId%22%7D%5D",
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

// FuzzFilters compares with encoding/json: accepted filters are one JSON value, without anything that is not
// understood.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{
		`[{"Key":"KeyState","Values":["Enabled","Disabled"]},{"Key":"KeyState","Values":["PendingDeletion"]}]`, `[]`, `null`,
		`[{"Key":"keyId"}]`, `[{"Key":"TagKey","Values":[]}] []`, `[{"Key":"x"}]`, `[{"Key":"TagKey","Values":null}]`,
		` [ ] `,
		`[{"Key":"TagKey","Values":["\u0000"]}]`, `[{"Key":"TagKey","Values":["a"],"Values":["b"]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r kmsapi.ListKeysRequest
		if text == "" || kmsapi.Decode(kmsapi.Params{{Name: "Filters", Value: text}}, &r) != nil {
			return
		}
		var list []map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &list))
		require.Len(t, r.Filters, len(list))
		require.LessOrEqual(t, len(list), kmsapi.MaxFilters)
		for i, filter := range r.Filters {
			require.LessOrEqual(t, len(list[i]), 2, "a filter has a key and values")
			require.LessOrEqual(t, len(filter.Values), kmsapi.MaxFilterValues)
			if len(filter.Values) == 0 {
				require.Empty(t, r.Filters.Values(filter.Key), "no values let everything through")
			}
		}
	})
}

// FuzzNumbered reads any parameters as the tags of resources. An accepted list has all of them, in the order of their
// numbers.
func FuzzNumbered(f *testing.F) {
	for _, seed := range []string{
		"ResourceId.1=k&Tag.1.Key=a&Tag.1.Value=b", "ResourceId.2=k&ResourceId.10=l&Tag.1.Key=a&Tag.3.Key=b", "ResourceId=k",
		"ResourceId.01=k&Tag.1.Key=a", "ResourceId.1=k&Tag.1.Key=a&Tag.1.Key=b", "ResourceId.1.2=k", "ResourceId.1=k&Tag.1=a",
		"ResourceId.1000001=k&Tag.1.Key=a", "ResourceId.1=k&Tag.1.Value=b", "ResourceId..=k", "ResourceId.1=k&Tag.1.Key.x=a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		params, err := kmsapi.ParseForm(form)
		if err != nil || params.Duplicate() != "" {
			return
		}
		var r kmsapi.TagResourcesRequest
		if kmsapi.Decode(append(kmsapi.Params{{Name: "ResourceType", Value: "key"}}, params...), &r) != nil {
			return
		}
		var resources, keys []string
		for _, p := range params {
			if strings.HasPrefix(p.Name, "ResourceId.") {
				resources = append(resources, p.Value)
			}
			if strings.HasPrefix(p.Name, "Tag.") && strings.HasSuffix(p.Name, ".Key") {
				keys = append(keys, p.Value)
			}
		}
		var taken []string
		for _, tag := range r.Tags {
			taken = append(taken, tag.TagKey)
		}
		require.ElementsMatch(t, resources, r.ResourceIds)
		require.ElementsMatch(t, keys, taken)
		require.NotEmpty(t, taken)
	})
}

// FuzzTags compares with encoding/json: accepted tags are one JSON value.
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

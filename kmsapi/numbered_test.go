package kmsapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// flat parses parameters in the form of a query string.
func flat(t testing.TB, query string) kmsapi.Params {
	t.Helper()
	params, err := kmsapi.ParseForm(query)
	require.NoError(t, err)
	return params
}

func TestItemsAreReadInTheOrderOfTheirNumbers(t *testing.T) {
	var r kmsapi.TagResourcesRequest
	require.NoError(t, kmsapi.Decode(flat(t, "ResourceType=key&ResourceId.10=c&ResourceId.9=b&ResourceId.2=a&"+
		"Tag.30.Value=3&Tag.4.Key=x&Tag.30.Key=y&Tag.4.Value=4&Tag.5.Key=no-value"), &r))
	require.Equal(t, kmsapi.TagResourcesRequest{
		ResourceType: "key", ResourceIds: []string{"a", "b", "c"},
		Tags: kmsapi.Tags{{TagKey: "x", TagValue: "4"}, {TagKey: "no-value"}, {TagKey: "y", TagValue: "3"}},
	}, r)
	require.Equal(t, "ResourceType=key&ResourceId.1=a&ResourceId.2=b&ResourceId.3=c&"+
		"Tag.1.Key=x&Tag.1.Value=4&Tag.2.Key=no-value&Tag.3.Key=y&Tag.3.Value=3", kmsapi.Encode(&r).Form())
}

func TestWrongItemsAreRefused(t *testing.T) {
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "&"+format, i+1, i)
		}
		return b.String()
	}
	good := "ResourceId.1=k&Tag.1.Key=k"
	for name, tc := range map[string]struct{ query, parameter string }{
		"a list in one parameter":     {"ResourceId=k&Tag.1.Key=k", "ResourceId"},
		"a list and items":            {good + "&ResourceId.0=k", "ResourceId"},
		"the number 0":                {"ResourceId.0=k&Tag.1.Key=k", "ResourceId"},
		"a number with zeros":         {good + "&ResourceId.01=k", "ResourceId"},
		"a negative number":           {good + "&ResourceId.-1=k", "ResourceId"},
		"a number with a sign":        {good + "&ResourceId.%2B2=k", "ResourceId"},
		"a large number":              {good + "&ResourceId.99999999999999999999=k", "ResourceId"},
		"no number":                   {good + "&ResourceId.=k", "ResourceId"},
		"a word for a number":         {good + "&ResourceId.one=k", "ResourceId"},
		"an empty item":               {good + "&ResourceId.2=", "ResourceId"},
		"a string with a field":       {good + "&ResourceId.2.Id=k", "ResourceId"},
		"too many strings":            {"Tag.1.Key=k" + many("ResourceId.%d=k%d", 51), "ResourceId"},
		"too many tags":               {"ResourceId.1=k" + many("Tag.%d.Key=k%d", 21), "Tag"},
		"a tag without a field":       {good + "&Tag.2=k", "Tag"},
		"a tag with an unknown field": {good + "&Tag.2.TagKey=k", "Tag"},
		"a tag without a key":         {good + "&Tag.2.Value=v", "Tag"},
		"a key of two tags":           {good + "&Tag.2.Key=k", "Tag"},
		"a reserved key":              {good + "&Tag.2.Key=acs:k", "Tag"},
		"a character no tag has":      {good + "&Tag.2.Key=a%20b", "Tag"},
		"tags in JSON":                {"ResourceId.1=k&Tag=%5B%5D", "Tag"},
	} {
		t.Run(name, func(t *testing.T) {
			err := kmsapi.Decode(flat(t, "ResourceType=key&"+tc.query), new(kmsapi.TagResourcesRequest))
			require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
			require.ErrorContains(t, err, `"`+tc.parameter+`"`)
		})
	}
	for name, query := range map[string]string{"no resource": "Tag.1.Key=k", "no tag": "ResourceId.1=k"} {
		t.Run(name, func(t *testing.T) {
			err := kmsapi.Decode(flat(t, "ResourceType=key&"+query), new(kmsapi.TagResourcesRequest))
			require.ErrorIs(t, err, kmsapi.ErrMissingParameter)
		})
	}
	err := kmsapi.Decode(flat(t, "ResourceType=key&ResourceId.1=k"+many("TagKey.%d=k%d", 21)),
		new(kmsapi.UntagResourcesRequest))
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter)
}

func TestNumberedNamesAreNames(t *testing.T) {
	for _, name := range []string{"ResourceId.1", "ResourceId.50", "ProtectedResourceArn", "KeyId"} {
		require.True(t, kmsapi.IsName(name), name)
	}
	for _, name := range []string{"ResourceId", "ResourceId.0", "ResourceId.51", "ResourceId.x", "Tag.1", "TagKey.1"} {
		require.False(t, kmsapi.IsName(name), name)
	}
}

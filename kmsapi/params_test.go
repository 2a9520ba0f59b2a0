package kmsapi_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestParseFormReadsWhatSDKsSend(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       kmsapi.Params
	}{
		{"nothing", "", nil},
		{"parameters in their order", "b=2&a=1", kmsapi.Params{{Name: "b", Value: "2"}, {Name: "a", Value: "1"}}},
		{"a blank as plus and as escape", "a=1+2%203", kmsapi.Params{{Name: "a", Value: "1 2 3"}}},
		{"escapes in either case", "a=%2b%2B", kmsapi.Params{{Name: "a", Value: "++"}}},
		{"an escaped name", "%61=1", kmsapi.Params{{Name: "a", Value: "1"}}},
		{"empty values, with and without the sign", "a=&b", kmsapi.Params{{Name: "a"}, {Name: "b"}}},
		{"a sign in a value", "a=b=c", kmsapi.Params{{Name: "a", Value: "b=c"}}},
		{"a semicolon as a letter", "a=1;b=2", kmsapi.Params{{Name: "a", Value: "1;b=2"}}},
		{
			"a name twice, for the reader to refuse", "a=1&a=2",
			kmsapi.Params{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}},
		},
		{"ends without parameters", "&a=1&", kmsapi.Params{{Name: "a", Value: "1"}}},
		{"UTF-8", "a=%E4%B8%AD", kmsapi.Params{{Name: "a", Value: "中"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := kmsapi.ParseForm(tc.text)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestParseFormRefusesWhatTwoReadersCouldSeeDifferently(t *testing.T) {
	const malformed, bytes = "not well-formed", `the value of parameter "a" is not UTF-8: encode bytes as base64`
	for name, c := range map[string]struct{ text, says string }{
		"an escape that is no hex":           {"a=canary%zz", malformed},
		"an escape that is cut off":          {"a=canary%2", malformed},
		"a name that is no hex":              {"%zz=canary", malformed},
		"an empty name":                      {"=canary", malformed},
		"a name that is not UTF-8":           {"%ff=canary", malformed},
		"a value that is not UTF-8":          {"a=canary%ff", bytes},
		"a value that is not UTF-8, as such": {"a=canary\xff", bytes},
		"a surrogate half":                   {"a=canary%ED%A0%80", bytes},
		"a long form of an ASCII letter":     {"a=canary%C1%A1", bytes},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := kmsapi.ParseForm("ok=1&" + c.text)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestFormAndParseFormAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var params kmsapi.Params
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			params = params.Add(rapid.StringN(1, 8, -1).Draw(t, "name"), rapid.String().Draw(t, "value"))
		}
		got, err := kmsapi.ParseForm(params.Form())
		require.NoError(t, err)
		require.Equal(t, params, got)
	})
}

// FuzzParseForm compares with net/url, which must read a form that ParseForm accepts in the same way.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=1&b=2", "a=1&a=2", "a=%zz", "=", "a=1+2%20", "&&", "a=b=c", "%ff=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		params, err := kmsapi.ParseForm(text)
		if err != nil {
			return
		}
		again, err := kmsapi.ParseForm(params.Form())
		require.NoError(t, err)
		require.Equal(t, len(params), len(again))
		want, err := url.ParseQuery(text)
		if err != nil {
			return // net/url refuses semicolons
		}
		got := url.Values{}
		for i, p := range params {
			require.Equal(t, p, again[i])
			got.Add(p.Name, p.Value)
		}
		require.Equal(t, want, got)
	})
}

func TestParams(t *testing.T) {
	params := kmsapi.Params{
		{Name: "b", Value: "1"},
		{Name: "a", Value: "2"},
		{Name: "b", Value: "3"},
		{Name: "B", Value: "4"},
	}
	require.Equal(t, "1", params.Get("b"), "the first one")
	require.Empty(t, params.Get("c"))
	require.Equal(t, "b", params.Duplicate())
	require.Empty(t, params[:2].Duplicate())
	require.Empty(t, kmsapi.Params{{Name: "b"}, {Name: "B"}}.Duplicate(), "names are case sensitive")
	require.Empty(t, kmsapi.Params(nil).Duplicate())
	require.Equal(t,
		kmsapi.Params{{Name: "B", Value: "4"}, {Name: "a", Value: "2"}, {Name: "b", Value: "1"}, {Name: "b", Value: "3"}},
		params.Sorted(), "in byte order, and equal names as they came")
	require.Equal(t, "b", params[0].Name, "Sorted leaves the original alone")
	require.Equal(t, "b=1&a=2&b=3&B=4", params.Form())
}

func TestFormIsWhatNetURLWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, value := rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value")
		form := kmsapi.Params{{Name: name, Value: value}, {Name: "b"}}.Form()
		require.Equal(t, url.QueryEscape(name)+"="+url.QueryEscape(value)+"&b=", form)
	})
}

package signature_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// FuzzCanonical proves that a signed string represents exactly one set of parameters: it can be parsed back.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2", "b=2&a=1", "a=%26b%3D2", "a=1+2%20%2B", "A=1&a=2", "a=&b", "%e4%b8%ad=~*%7E", "a=%00&Signature=x",
		"a=%25%32%35", "a=%0a%0d",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		params, err := kmsapi.ParseForm(text)
		if err != nil {
			return
		}
		canonical := signature.Canonical(params)
		require.Empty(t, strings.Trim(canonical, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%&="))
		back, err := kmsapi.ParseForm(canonical)
		require.NoError(t, err)
		require.Equal(t, len(params), len(back))
		for i, p := range params.Sorted() {
			require.Equal(t, p, back[i])
		}
		again, err := kmsapi.ParseForm(params.Form())
		require.NoError(t, err)
		require.Equal(t, canonical, signature.Canonical(again), "however it is encoded, it is signed alike")
		stringToSign := signature.StringToSignV1("GET", params)
		require.Equal(t, 2, strings.Count(stringToSign, "&"), "no parameter reaches out of its part")
	})
}

func FuzzParseAuthorization(f *testing.F) {
	for _, seed := range []string{
		"",
		"ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature=00ff",
		"ACS3-HMAC-SHA256 Signature=00ff, Credential=AK , SignedHeaders=host",
		"ACS3-HMAC-SHA256 Credential=a=b,SignedHeaders=;,Signature==",
		"ACS3-HMAC-SHA256 Credential=AK,Credential=AK,SignedHeaders=host,Signature=00",
		"ACS3-HMAC-SHA256  ,,,",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		a, err := signature.ParseAuthorization(header)
		if err != nil {
			require.Zero(t, a)
			return
		}
		require.NotEmpty(t, a.AccessKeyID)
		require.NotEmpty(t, a.Signature)
		require.NotEmpty(t, a.SignedHeaders)
		names := strings.Join(a.SignedHeaders, ";")
		for _, part := range []string{a.AccessKeyID, a.Signature, names} {
			require.Contains(t, header, part, "nothing is invented")
			require.NotContains(t, part, ",")
		}
		again, err := signature.ParseAuthorization(signature.SchemeACS3 +
			" Credential=" + a.AccessKeyID + ",SignedHeaders=" + names + ",Signature=" + a.Signature)
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}

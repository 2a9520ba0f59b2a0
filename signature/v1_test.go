package signature_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// params returns parameters from name, value, name, value, …
func params(pairs ...string) kmsapi.Params {
	var p kmsapi.Params
	for i := 0; i < len(pairs); i += 2 {
		p = p.Add(pairs[i], pairs[i+1])
	}
	return p
}

// createKey is the API reference's own example, §1.4.
var createKey = params(
	"Action", "CreateKey", "SignatureVersion", "1.0", "Format", "json", "Version", "2016-01-20",
	"AccessKeyId", "testid", "SignatureMethod", "HMAC-SHA1", "Timestamp", "2016-03-28T03:13:08Z")

// describeHosts is the example of the page "RPC mechanism" at help.aliyun.com.
var describeHosts = params(
	"Action", "DescribeDedicatedHosts", "Format", "JSON", "RegionId", "cn-beijing", "SignatureMethod", "HMAC-SHA1",
	"SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb", "SignatureVersion", "1.0",
	"Timestamp", "2023-03-13T08:34:30Z", "Version", "2014-05-26", "AccessKeyId", "testid")

// sdkRequest is the request of alibaba-cloud-sdk-go's own signer test, rpc_signature_composer_test.go.
var sdkRequest = params(
	"Action", "", "AccessKeyId", "accessKeyId", "Format", "JSON", "RegionId", "regionId", "SignatureMethod", "HMAC-SHA1",
	"SignatureNonce", "MOCK_UUID", "SignatureType", "", "SignatureVersion", "1.0", "Timestamp", "mock date", "Version", "")

func TestV1AgreesWithPublishedVectors(t *testing.T) {
	for _, tc := range []struct {
		name, method, secret, want string
		params                     kmsapi.Params
	}{
		{"the API reference, section 1.4, as GET", "GET", "testsecret", "41wk2SSX1GJh7fwnc5eqOfiJPFg=", createKey},
		{"the API reference, section 1.4, as POST", "POST", "testsecret", "Fi0klWyYLE4Wy22gxatiAP51JFE=", createKey},
		{"the page on the RPC mechanism, as GET", "GET", "testsecret", "9NaGiOspFP5UPcwX8Iwt2YJXXuk=", describeHosts},
		{"the page on the RPC mechanism, as POST", "POST", "testsecret", "ZvQ9xGiFnquSJRvj+WE6kdSpTwU=", describeHosts},
		{"alibaba-cloud-sdk-go's signer test", "GET", "accessKeySecret", "7loPmFjvDnzOVnQeQNj85S6nFGY=", sdkRequest},
		{
			"alibaba-cloud-sdk-go's signer test with an STS token", "GET", "accessKeySecret", "5Nxdcler+ihqWqv0Hr2On4PsBf4=",
			slices.Concat(sdkRequest, params("SecurityToken", "accessKeyStsToken")),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sts := signature.StringToSignV1(tc.method, tc.params)
			secret := kmsapi.NewSecret(tc.secret)
			require.Equal(t, tc.want, signature.V1(secret, sts))
			require.True(t, signature.VerifyV1(secret, sts, tc.want))
			require.False(t, signature.VerifyV1(kmsapi.NewSecret(tc.secret+"x"), sts, tc.want), "another secret")
		})
	}
}

func TestStringToSignV1AgreesWithTheReference(t *testing.T) {
	require.Equal(t,
		"GET&%2F&AccessKeyId%3Dtestid%26Action%3DCreateKey%26Format%3Djson%26SignatureMethod%3DHMAC-SHA1"+
			"%26SignatureVersion%3D1.0%26Timestamp%3D2016-03-28T03%253A13%253A08Z%26Version%3D2016-01-20",
		signature.StringToSignV1("GET", createKey))
	require.Equal(t,
		"GET&%2F&key%3Dvalue%26q%3Dhttp%253A%252F%252Fdomain%252F%253Fq%253Dvalue%2526q2%253Dvalue2",
		signature.StringToSignV1("GET", params("q", "http://domain/?q=value&q2=value2", "key", "value")),
		"the vector of alibaba-cloud-sdk-go")
}

func TestStringToSignV1LeavesSignatureOutAndKeepsEmptyValues(t *testing.T) {
	require.Equal(t, "POST&%2F&A%3D%26B%3D1",
		signature.StringToSignV1("POST", params("B", "1", "Signature", "abc", "A", "")))
}

func TestCanonicalEscapesAsTheReferenceSays(t *testing.T) {
	require.Equal(t, "k=a%20b%2A~-_.%2B%26%3D%2F%E4%B8%AD", signature.Canonical(params("k", "a b*~-_.+&=/中")))
	require.Equal(t, "A=1&B=2&a=3", signature.Canonical(params("a", "3", "B", "2", "A", "1")), "in byte order")
}

func TestSignV1AddsTheCommonParameters(t *testing.T) {
	c := signature.Credentials{
		AccessKeyID: "id", AccessKeySecret: kmsapi.NewSecret("s"), SecurityToken: kmsapi.NewSecret("token"),
	}
	in := params("Action", "ListKeys")
	at := time.Date(2026, 11, 22, 9, 0, 0, 999, time.FixedZone("CST", 8*3600))
	signed := signature.SignV1("POST", in, c, "n1", at)

	require.Len(t, in, 1, "the caller's parameters are unchanged")
	require.Equal(t, "2026-11-22T01:00:00Z", signed.Get("Timestamp"), "in UTC")
	require.Equal(t, "token", signed.Get("SecurityToken"))
	require.Equal(t, "n1", signed.Get("SignatureNonce"))
	for method, valid := range map[string]bool{"POST": true, "GET": false} {
		stringToSign := signature.StringToSignV1(method, signed)
		require.Equal(t, valid, signature.VerifyV1(c.AccessKeySecret, stringToSign, signed.Get("Signature")), method)
	}
}

func TestTheStringToSignIsTheCanonicalQueryEncodedOnceMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p kmsapi.Params
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			p = p.Add(rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value"))
		}
		again := strings.ReplaceAll(url.QueryEscape(signature.Canonical(p)), "+", "%20")
		require.Equal(t, "POST&%2F&"+again, signature.StringToSignV1("POST", p.Add("Signature", "left out")))
	})
}

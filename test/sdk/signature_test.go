package sdk

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	openapi "github.com/alibabacloud-go/openapi-util/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// nasty has parameters that an encoder may get wrong.
var nasty = map[string]map[string]string{
	"no parameter":          {},
	"an empty value":        {"Empty": "", "SignatureType": ""},
	"spaces and plus signs": {"A b": "a b+c", "Plus": "+++", "Tab": "\t\r\n"},
	"stars and tildes":      {"Star": "*~*", "~*": "%2A%7E"},
	"escapes":               {"Percent": "%20%2520%zz%", "Plus": "%2B"},
	"separators":            {"Sep": "a=b&c=d;e,f", "a=b&": "?#/:@"},
	"marks":                 {"Marks": "!'()_-.", "Quotes": "\"`<>[]{}|\\^$"},
	"Chinese and symbols":   {"部门": "财务", "Key": "🔑 é ñ"},
	"order of bytes":        {"a": "1", "A": "2", "_": "3", "-": "4", "aa": "5", "a-": "6", "a.b": "7"},
	"not UTF-8":             {"Bytes": "\xff\xfe\x80 \xc3"},
	"a context":             {"EncryptionContext": `{"a":"=&+ *~","部门":""}`},
}

// paramsOf returns the parameters of a map. Their order does not matter, since signing sorts them.
func paramsOf(m map[string]string) kmsapi.Params {
	var params kmsapi.Params
	for name, value := range m {
		params = params.Add(name, value)
	}
	return params
}

func pointers(m map[string]string) map[string]*string {
	found := make(map[string]*string, len(m))
	for name, value := range m {
		found[name] = tea.String(value)
	}
	return found
}

// anyText draws strings of all characters, and more often those with a meaning to an encoder.
func anyText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "raw") {
			return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"))
		}
		runes := rapid.OneOf(rapid.RuneFrom([]rune("+ *~%&=/'\"!()中🔑\n\x00")), rapid.Rune())
		return rapid.StringOfN(runes, 0, 40, -1).Draw(t, "string")
	})
}

// own has the names that the SDKs set themselves.
func own(name string) bool {
	switch name {
	case "", "Version", "Action", "Format", "Timestamp", "RegionId", "AccessKeyId", "SecurityToken":
		return true
	default:
		return strings.HasPrefix(name, "Signature")
	}
}

// compareEach runs same with the nasty parameters, and with random parameters whose names are drawn from names.
func compareEach(
	t *testing.T, names *rapid.Generator[string], same func(t require.TestingT, params map[string]string),
) {
	for name, params := range nasty {
		t.Run(name, func(t *testing.T) { same(t, params) })
	}
	t.Run("random parameters", rapid.MakeCheck(func(t *rapid.T) {
		names := names.Filter(func(name string) bool { return !own(name) })
		same(t, rapid.MapOfN(names, anyText(), 0, 8).Draw(t, "params"))
	}))
}

// The old SDK's composer adds the common parameters itself, so the test signs what the SDK has signed.
func TestRPCV1IsSignedAsTheOldSDKDoes(t *testing.T) {
	provider, err := credentials.NewStaticSTSCredentialsProviderBuilder().
		WithAccessKeyId("id").WithAccessKeySecret("s3cret&=+").WithSecurityToken("CAIS+/token==").Build()
	require.NoError(t, err)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			compareEach(t, anyText(), func(t require.TestingT, params map[string]string) {
				request := kms.CreateEncryptRequest()
				request.Method = method
				half := len(params) / 2
				for name, value := range params {
					if half--; half >= 0 && method == http.MethodPost {
						request.GetFormParams()[name] = value
						continue
					}
					request.GetQueryParams()[name] = value
				}
				require.NoError(t, auth.Sign(request, nil, kmsapi.DefaultRegion, provider))

				signed := maps.Clone(request.GetQueryParams())
				maps.Copy(signed, request.GetFormParams())
				given := signed["Signature"]
				ours := signature.StringToSignV1(method, paramsOf(signed))
				require.Equal(t, request.GetStringToSign(), ours)
				require.Equal(t, given, signature.V1(kmsapi.NewSecret("s3cret&=+"), ours))
			})
		})
	}
}

func TestRPCV1IsSignedAsTheNewSDKDoes(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			compareEach(t, anyText(), func(t require.TestingT, params map[string]string) {
				want := openapi.GetRPCSignature(pointers(params), tea.String(method), tea.String("s3cret"))
				ours := signature.V1(kmsapi.NewSecret("s3cret"), signature.StringToSignV1(method, paramsOf(params)))
				require.Equal(t, tea.StringValue(want), ours)
			})
		})
	}
}

// The new SDK does not encode names when it signs with ACS3, although the scheme's documentation says that they are
// encoded. This makes no difference for KMS's parameters, so names are drawn from characters that need no encoding.
func TestACS3IsSignedAsTheNewSDKDoes(t *testing.T) {
	plainNames := rapid.StringMatching(`[A-Za-z0-9._-]{1,12}`)
	headers := map[string]string{
		"host": "kms.cn-hangzhou.aliyuncs.com", "x-acs-action": "Encrypt", "x-acs-version": kmsapi.Version,
		"x-acs-date": "2026-11-22T01:11:00Z", "x-acs-signature-nonce": "  a nonce with spaces around\t",
		"content-type": "application/x-www-form-urlencoded",
	}
	compareEach(t, plainNames, func(t require.TestingT, params map[string]string) {
		params = maps.Clone(params)
		needsEncoding := func(name, _ string) bool { return signature.Canonical(kmsapi.Params{{Name: name}}) != name+"=" }
		maps.DeleteFunc(params, needsEncoding)
		hash := signature.HashPayload([]byte(params["Key"]))
		request := &tea.Request{
			Method: tea.String(http.MethodPost), Pathname: tea.String("/"), Query: pointers(params), Headers: pointers(headers),
		}
		theirs := openapi.GetAuthorization(request, tea.String(signature.SchemeACS3), tea.String(hash),
			tea.String("id"), tea.String("s3cret"))
		parsed, err := signature.ParseAuthorization(tea.StringValue(theirs))
		require.NoError(t, err)
		require.Equal(t, "id", parsed.AccessKeyID)
		ours := signature.ACS3{
			Method: http.MethodPost, Path: "/", Query: paramsOf(params), SignedHeaders: parsed.SignedHeaders,
			Header: func(name string) string { return headers[name] }, PayloadHash: hash,
		}
		require.Len(t, parsed.SignedHeaders, len(headers))
		require.Equal(t, parsed.Signature, signature.SignACS3(kmsapi.NewSecret("s3cret"), ours.StringToSign()))
	})
}

// The vector that openapi-util publishes with its tests: no method, an empty path, a repeated header.
func TestACS3AgreesWithTheVectorOfOpenAPIUtil(t *testing.T) {
	const (
		hash = "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23"
		want = "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3"
	)
	query := map[string]string{"test": "ok", "empty": ""}
	request := &tea.Request{
		Pathname: tea.String(""), Query: pointers(query),
		Headers: pointers(map[string]string{"x-acs-test": "http", "x-acs-TEST": "https"}),
	}
	theirs := openapi.GetAuthorization(request, tea.String(signature.SchemeACS3), tea.String(hash),
		tea.String("acesskey"), tea.String("secret"))
	require.Equal(t, "ACS3-HMAC-SHA256 Credential=acesskey,SignedHeaders=x-acs-test,Signature="+want,
		tea.StringValue(theirs))
	ours := signature.ACS3{
		Path: "/", Query: paramsOf(query), SignedHeaders: []string{"x-acs-test"},
		Header: func(string) string { return "http,https" }, PayloadHash: hash,
	}
	require.Equal(t, want, signature.SignACS3(kmsapi.NewSecret("secret"), ours.StringToSign()))
}

package signature_test

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// runInstances is the example of the page "V3 request structure and signature" at help.aliyun.com.
func runInstances(date, nonce string) signature.ACS3 {
	headers := map[string]string{
		"host":                  "ecs.cn-shanghai.aliyuncs.com",
		"x-acs-action":          "RunInstances",
		"x-acs-content-sha256":  signature.HashPayload(nil),
		"x-acs-date":            date,
		"x-acs-signature-nonce": nonce,
		"x-acs-version":         "2014-05-26",
	}
	return signature.ACS3{
		Method:        "POST",
		Path:          "/",
		Query:         params("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId", "cn-shanghai"),
		SignedHeaders: slices.Collect(maps.Keys(headers)),
		Header:        func(name string) string { return headers[name] },
		PayloadHash:   signature.HashPayload(nil),
	}
}

func TestACS3AgreesWithPublishedVectors(t *testing.T) {
	secret := kmsapi.NewSecret("YourAccessKeySecret")
	for _, tc := range []struct{ name, date, nonce, want string }{
		{
			"the page on V3 signatures", "2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d",
			"06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
		},
		{
			"its newer revision", "2023-10-26T09:01:01Z", "d410180a5abf7fe235dd9b74aca91fc0",
			"e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sts := runInstances(tc.date, tc.nonce).StringToSign()
			require.Equal(t, tc.want, signature.SignACS3(secret, sts))
			require.True(t, signature.VerifyACS3(secret, sts, tc.want))
			require.False(t, signature.VerifyACS3(secret, sts+" ", tc.want))
		})
	}
}

func TestACS3CanonicalRequestHashesAsPublished(t *testing.T) {
	r := runInstances("2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d")
	require.Equal(t, "ACS3-HMAC-SHA256\n7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259", r.StringToSign())
}

// manyHeaders returns the names of n different headers.
func manyHeaders(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("x-%d", i)
	}
	return strings.Join(names, ";")
}

func TestParseAuthorization(t *testing.T) {
	want := signature.Authorization{AccessKeyID: "AK", SignedHeaders: []string{"host", "x-acs-date"}, Signature: "00ff"}
	for _, header := range []string{
		"ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date,Signature=00ff",
		"ACS3-HMAC-SHA256 Credential=AK,Signature=00ff,SignedHeaders=host;x-acs-date",
		"ACS3-HMAC-SHA256 Credential=AK, Signature=00ff, SignedHeaders=host;x-acs-date",
	} {
		got, err := signature.ParseAuthorization(header)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for name, header := range map[string]string{
		"no header":          "",
		"another scheme":     "ACS4-HMAC-SHA256 Credential=AK,SignedHeaders=host,Signature=00",
		"no signature":       "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host",
		"no signed headers":  "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=,Signature=00",
		"a field twice":      "ACS3-HMAC-SHA256 Credential=AK,Credential=BK,SignedHeaders=host,Signature=00",
		"a header twice":     "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-acs-date;host,Signature=00",
		"65 headers":         "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=" + manyHeaders(65) + ",Signature=00",
		"an unknown field":   "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host,Signature=00,X=1",
		"an upper-case name": "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;X-Acs-Date,Signature=00",
		"two spellings":      "ACS3-HMAC-SHA256 Credential=AK,SignedHeaders=host;x-a;X-a,Signature=00",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := signature.ParseAuthorization(header)
			require.Error(t, err)
		})
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestWhatStrangersSendIsNotCopiedToBeHashed(t *testing.T) {
	long := strings.Repeat("*", 1<<20)
	r := signature.ACS3{
		Method: http.MethodPost, Path: "/", SignedHeaders: []string{"host", "x-long"},
		Query: kmsapi.Params{{Name: "Long", Value: long}}, Header: func(string) string { return long },
	}
	require.Equal(t, signature.SchemeACS3+"\n"+signature.HashPayload([]byte(r.CanonicalRequest())), r.StringToSign())
	require.Less(t, allocated(func() { r.StringToSign() }), uint64(len(long)/8))
}

func TestAnAuthorizationOfManyPartsIsRefusedBeforeTheyAreCollected(t *testing.T) {
	var fields strings.Builder
	for i := range 1 << 16 {
		fmt.Fprintf(&fields, ",%d=1", i)
	}
	for name, header := range map[string]string{
		"fields":         "ACS3-HMAC-SHA256 Credential=AK" + fields.String(),
		"empty fields":   "ACS3-HMAC-SHA256 " + strings.Repeat(",", 1<<20),
		"signed headers": "ACS3-HMAC-SHA256 Credential=AK,Signature=00,SignedHeaders=" + strings.Repeat(";", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			require.Less(t, allocated(func() { _, err = signature.ParseAuthorization(header) }), uint64(1<<16))
			require.Error(t, err)
		})
	}
}

package client_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

func TestEveryOperationSendsItsParametersAndDecodesItsAnswer(t *testing.T) {
	ctx := context.Background()
	metadata := kmsapi.KeyMetadata{KeyId: "k-1", KeyState: kmsapi.Enabled, Origin: kmsapi.OriginKMS}
	const metadataJSON = `{"RequestId":"r-0","KeyMetadata":{"KeyId":"k-1","KeyState":"Enabled","Origin":"Aliyun_KMS","ComesLater":"later"}}`
	reply := kmsapi.Reply{RequestId: "r-0"}
	named := "k-1"
	for _, tc := range []struct {
		op     kmsapi.Operation
		call   func(c *client.Client) (any, error)
		sent   map[string]string // parameters besides commonParameters
		answer string
		want   any
	}{
		{
			op: kmsapi.OpCreateKey,
			call: func(c *client.Client) (any, error) {
				return c.CreateKey(ctx, &kmsapi.CreateKeyRequest{
					Origin: kmsapi.OriginExternal, Description: "for the payroll & 中",
				})
			},
			sent:   map[string]string{"Origin": "EXTERNAL", "Description": "for the payroll & 中"},
			answer: metadataJSON,
			want:   &kmsapi.CreateKeyResponse{Reply: reply, KeyMetadata: metadata},
		},
		{
			op: kmsapi.OpDescribeKey,
			call: func(c *client.Client) (any, error) {
				return c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: named})
			},
			sent:   map[string]string{"KeyId": "k-1"},
			answer: metadataJSON,
			want:   &kmsapi.DescribeKeyResponse{Reply: reply, KeyMetadata: metadata},
		},
		{
			op: kmsapi.OpListKeys,
			call: func(c *client.Client) (any, error) {
				return c.ListKeys(ctx, &kmsapi.ListKeysRequest{PageNumber: 2, PageSize: 1})
			},
			sent: map[string]string{"PageNumber": "2", "PageSize": "1"},
			answer: `{
				"RequestId":"r-0","Keys":{"Key":[{"KeyId":"k-1","KeyArn":"arn"}]},
				"PageNumber":2,"PageSize":1,"TotalCount":3
			}`,
			want: &kmsapi.ListKeysResponse{
				Reply: reply, PageNumber: 2, PageSize: 1, TotalCount: 3,
				Keys: kmsapi.KeyList{Key: []kmsapi.KeyEntry{{KeyId: "k-1", KeyArn: "arn"}}},
			},
		},
		{
			op: kmsapi.OpEnableKey,
			call: func(c *client.Client) (any, error) {
				return c.EnableKey(ctx, &kmsapi.EnableKeyRequest{KeyId: named})
			},
			sent:   map[string]string{"KeyId": "k-1"},
			answer: `{"RequestId":"r-0"}`,
			want:   &kmsapi.EnableKeyResponse{Reply: reply},
		},
		{
			op: kmsapi.OpDisableKey,
			call: func(c *client.Client) (any, error) {
				return c.DisableKey(ctx, &kmsapi.DisableKeyRequest{KeyId: named})
			},
			sent:   map[string]string{"KeyId": "k-1"},
			answer: `{"RequestId":"r-0"}`,
			want:   &kmsapi.DisableKeyResponse{Reply: reply},
		},
		{
			op: kmsapi.OpScheduleKeyDeletion,
			call: func(c *client.Client) (any, error) {
				return c.ScheduleKeyDeletion(ctx, &kmsapi.ScheduleKeyDeletionRequest{
					KeyId: "k-1", PendingWindowInDays: 7,
				})
			},
			sent:   map[string]string{"KeyId": "k-1", "PendingWindowInDays": "7"},
			answer: `{"RequestId":"r-0"}`,
			want:   &kmsapi.ScheduleKeyDeletionResponse{Reply: reply},
		},
		{
			op: kmsapi.OpCancelKeyDeletion,
			call: func(c *client.Client) (any, error) {
				return c.CancelKeyDeletion(ctx, &kmsapi.CancelKeyDeletionRequest{KeyId: named})
			},
			sent:   map[string]string{"KeyId": "k-1"},
			answer: `{"RequestId":"r-0"}`,
			want:   &kmsapi.CancelKeyDeletionResponse{Reply: reply},
		},
		{
			op: kmsapi.OpEncrypt,
			call: func(c *client.Client) (any, error) {
				return c.Encrypt(ctx, &kmsapi.EncryptRequest{
					KeyId: "alias/a", Plaintext: kmsapi.NewSecret("a+/ =&*~"),
					EncryptionContext: kmsapi.EncryptionContext{"b": "<2>", "a": "1"},
				})
			},
			sent: map[string]string{
				"KeyId": "alias/a", "Plaintext": "a+/ =&*~", "EncryptionContext": `{"a":"1","b":"<2>"}`,
			},
			answer: `{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","CiphertextBlob":"blob"}`,
			want:   &kmsapi.EncryptResponse{Reply: reply, KeyId: "k-1", KeyVersionId: "v-1", CiphertextBlob: "blob"},
		},
		{
			op: kmsapi.OpDecrypt,
			call: func(c *client.Client) (any, error) {
				return c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: "blob"})
			},
			sent:   map[string]string{"CiphertextBlob": "blob"},
			answer: `{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","Plaintext":"text"}`,
			want: &kmsapi.DecryptResponse{
				Reply: reply, KeyId: "k-1", KeyVersionId: "v-1", Plaintext: kmsapi.NewSecret("text"),
			},
		},
		{
			op: kmsapi.OpGenerateDataKey,
			call: func(c *client.Client) (any, error) {
				return c.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{
					KeyId: "k-1", KeySpec: kmsapi.DataKeyAES128, NumberOfBytes: 64,
				})
			},
			sent:   map[string]string{"KeyId": "k-1", "KeySpec": "AES_128", "NumberOfBytes": "64"},
			answer: `{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","CiphertextBlob":"blob","Plaintext":"text"}`,
			want: &kmsapi.GenerateDataKeyResponse{
				Reply: reply, KeyId: "k-1", KeyVersionId: "v-1",
				CiphertextBlob: "blob", Plaintext: kmsapi.NewSecret("text"),
			},
		},
		{
			op: kmsapi.OpDescribeRegions,
			call: func(c *client.Client) (any, error) {
				return c.DescribeRegions(ctx, &kmsapi.DescribeRegionsRequest{})
			},
			answer: `{"RequestId":"r-0","Regions":{"Region":[{"RegionId":"cn-hangzhou"}]}}`,
			want: &kmsapi.DescribeRegionsResponse{
				Reply: reply, Regions: kmsapi.RegionList{Region: []kmsapi.RegionEntry{{RegionId: "cn-hangzhou"}}},
			},
		},
	} {
		t.Run(string(tc.op), func(t *testing.T) {
			server := newScript(t, answer(tc.answer))
			got, err := tc.call(server.dial(t, nil))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)

			server.requireSent(t, tc.op, tc.sent)
		})
	}
}

// requireSent requires that one request was sent, with these parameters besides commonParameters.
func (s *script) requireSent(t *testing.T, op kmsapi.Operation, sent map[string]string) {
	t.Helper()
	require.Len(t, s.seen(), 1)
	form := s.seen()[0].form
	require.Equal(t, string(op), form.Get("Action"))
	for name, value := range sent {
		require.Equal(t, []string{value}, form[name])
	}
	require.Len(t, form, len(sent)+len(commonParameters), "nothing else is sent")
}

var commonParameters = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion",
	"Timestamp", "Version",
}

func TestRequestIsASignedFormPost(t *testing.T) {
	server := newScript(t, done)
	at := time.Date(2023, 3, 13, 16, 34, 30, 0, time.FixedZone("CST", 8*3600))
	c := server.dial(t, func(cfg *client.Config) {
		cfg.Region = "cn-beijing"
		cfg.UserAgent = "tester/1"
		cfg.Clock = func() time.Time { return at }
		cfg.Credentials = client.Static{
			AccessKeyID: "testid", AccessKeySecret: kmsapi.NewSecret(secretKey),
			SecurityToken: kmsapi.NewSecret(stsToken),
		}
	})
	require.NoError(t, encrypt(context.Background(), c))

	r := server.seen()[0]
	require.Equal(t, "POST", r.method)
	require.Equal(t, "/", r.path)
	require.Empty(t, r.query, "proxies log URLs, so no parameter may be in one")
	require.Equal(t, "application/x-www-form-urlencoded", r.contentType)
	require.Equal(t, "tester/1", r.userAgent)
	for name, value := range map[string]string{
		"AccessKeyId": "testid", "Format": "JSON", "RegionId": "cn-beijing", "SignatureMethod": "HMAC-SHA1",
		"SignatureVersion": "1.0", "Timestamp": "2023-03-13T08:34:30Z", "Version": "2016-01-20",
		"SecurityToken": stsToken, "Plaintext": plaintext,
	} {
		require.Equal(t, []string{value}, r.form[name], name)
	}
	require.GreaterOrEqual(t, len(r.form.Get("SignatureNonce")), 26)

	var params kmsapi.Params
	for name, values := range r.form {
		params = params.Add(name, values[0])
	}
	signed := signature.StringToSignV1("POST", params)
	require.True(t, signature.VerifyV1(kmsapi.NewSecret(secretKey), signed, r.form.Get("Signature")))
}

// The signature here was not computed by this module, but by
//
//	printf %s 'POST&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DJSON' \
//		'%26RegionId%3Dcn-beijing%26SignatureMethod%3DHMAC-SHA1' \
//		'%26SignatureNonce%3Dedb2b34af0af9a6d14deaf7c1a5315eb%26SignatureVersion%3D1.0' \
//		'%26Timestamp%3D2023-03-13T08%253A34%253A30Z%26Version%3D2016-01-20' |
//	openssl dgst -sha1 -hmac 'testsecret&' -binary | base64
//
// from the example of the page "RPC mechanism" at help.aliyun.com, with Action and Version of KMS.
func TestSignatureMatchesOpenSSLOnThePublishedExample(t *testing.T) {
	server := newScript(t, done)
	c := server.dial(t, func(cfg *client.Config) {
		cfg.Region = "cn-beijing"
		cfg.Clock = func() time.Time { return time.Date(2023, 3, 13, 8, 34, 30, 0, time.UTC) }
		cfg.Nonce = func() string { return "edb2b34af0af9a6d14deaf7c1a5315eb" }
		cfg.Credentials = client.Static{AccessKeyID: "testid", AccessKeySecret: kmsapi.NewSecret("testsecret")}
	})
	_, err := c.DescribeRegions(context.Background(), &kmsapi.DescribeRegionsRequest{})
	require.NoError(t, err)
	require.Equal(t, "g8eTccjE1/3R9id8aa56l8xL/ms=", server.seen()[0].form.Get("Signature"))
}

func TestRefusalIsAKMSError(t *testing.T) {
	server := newScript(t, refuse(http.StatusNotFound, "Forbidden.KeyNotFound"))
	got, err := server.dial(t, nil).Decrypt(context.Background(), &kmsapi.DecryptRequest{CiphertextBlob: "blob"})
	require.Nil(t, got)
	require.ErrorIs(t, err, kmsapi.ErrKeyNotFound)
	require.NotErrorIs(t, err, kmsapi.ErrAliasNotFound)
	var refusal *kmsapi.Error
	require.ErrorAs(t, err, &refusal)
	want := &kmsapi.Error{
		Code: "Forbidden.KeyNotFound", HTTPStatus: 404, Message: "It is so.", RequestID: "r-1", HostID: "h",
	}
	require.Equal(t, want, refusal)
	require.Len(t, server.seen(), 1, "a permanent refusal is not retried")
}

func TestRefusalDoesNotRepeatTheStringToSign(t *testing.T) {
	server := newScript(t, status(400, `{"Code":"SignatureDoesNotMatch","RequestId":"r-1","Message":"`+
		`Specified signature is not matched with our calculation. server string to sign is:`+
		`POST&%2F&Action%3DEncrypt%26Plaintext%3D`+plaintext+`%26SecurityToken%3D`+stsToken+`"}`))
	err := encrypt(context.Background(), server.dial(t, nil))
	require.ErrorIs(t, err, &kmsapi.Error{Code: "SignatureDoesNotMatch"})
	require.ErrorContains(t, err, "Specified signature is not matched with our calculation.")
	requireNoSecret(t, err.Error())
}

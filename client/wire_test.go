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

func TestEveryOperationSendsItsParametersAndReadsItsAnswer(t *testing.T) {
	ctx := context.Background()
	metadata := kmsapi.KeyMetadata{KeyId: "k-1", KeyState: kmsapi.Enabled, Origin: kmsapi.OriginKMS}
	const metadataJSON = `{"RequestId":"r-0","KeyMetadata":{"KeyId":"k-1","KeyState":"Enabled","Origin":"Aliyun_KMS","DKMSInstanceId":"later"}}`
	reply := kmsapi.Reply{RequestId: "r-0"}
	const named = "k-1"
	for _, tc := range []struct {
		op     kmsapi.Operation
		call   func(c *client.Client) (any, error)
		sent   map[string]string
		answer string
		want   any
	}{
		{
			kmsapi.OpCreateKey,
			func(c *client.Client) (any, error) {
				return c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal, Description: "for the payroll & 中"})
			},
			map[string]string{"Origin": "EXTERNAL", "Description": "for the payroll & 中"},
			metadataJSON, &kmsapi.CreateKeyResponse{Reply: reply, KeyMetadata: metadata},
		},
		{
			kmsapi.OpDescribeKey,
			func(c *client.Client) (any, error) {
				return c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: named})
			},
			map[string]string{"KeyId": "k-1"},
			metadataJSON, &kmsapi.DescribeKeyResponse{Reply: reply, KeyMetadata: metadata},
		},
		{
			kmsapi.OpListKeys,
			func(c *client.Client) (any, error) {
				return c.ListKeys(ctx, &kmsapi.ListKeysRequest{PageNumber: 2, PageSize: 1})
			},
			map[string]string{"PageNumber": "2", "PageSize": "1"},
			`{"RequestId":"r-0","Keys":{"Key":[{"KeyId":"k-1","KeyArn":"arn"}]},"PageNumber":2,"PageSize":1,"TotalCount":3}`,
			&kmsapi.ListKeysResponse{
				Reply: reply, PageNumber: 2, PageSize: 1, TotalCount: 3,
				Keys: kmsapi.KeyList{Key: []kmsapi.KeyEntry{{KeyId: "k-1", KeyArn: "arn"}}},
			},
		},
		{
			kmsapi.OpEnableKey,
			func(c *client.Client) (any, error) {
				return c.EnableKey(ctx, &kmsapi.EnableKeyRequest{KeyId: named})
			},
			map[string]string{"KeyId": "k-1"},
			`{"RequestId":"r-0"}`, &kmsapi.EnableKeyResponse{Reply: reply},
		},
		{
			kmsapi.OpDisableKey,
			func(c *client.Client) (any, error) {
				return c.DisableKey(ctx, &kmsapi.DisableKeyRequest{KeyId: named})
			},
			map[string]string{"KeyId": "k-1"},
			`{"RequestId":"r-0"}`, &kmsapi.DisableKeyResponse{Reply: reply},
		},
		{
			kmsapi.OpScheduleKeyDeletion,
			func(c *client.Client) (any, error) {
				return c.ScheduleKeyDeletion(ctx, &kmsapi.ScheduleKeyDeletionRequest{KeyId: "k-1", PendingWindowInDays: 7})
			},
			map[string]string{"KeyId": "k-1", "PendingWindowInDays": "7"},
			`{"RequestId":"r-0"}`, &kmsapi.ScheduleKeyDeletionResponse{Reply: reply},
		},
		{
			kmsapi.OpCancelKeyDeletion,
			func(c *client.Client) (any, error) {
				return c.CancelKeyDeletion(ctx, &kmsapi.CancelKeyDeletionRequest{KeyId: named})
			},
			map[string]string{"KeyId": "k-1"},
			`{"RequestId":"r-0"}`, &kmsapi.CancelKeyDeletionResponse{Reply: reply},
		},
		{
			kmsapi.OpEncrypt,
			func(c *client.Client) (any, error) {
				return c.Encrypt(ctx, &kmsapi.EncryptRequest{
					KeyId: "alias/a", Plaintext: kmsapi.NewSecret("a+/ =&*~"),
					EncryptionContext: kmsapi.EncryptionContext{"b": "<2>", "a": "1"},
				})
			},
			map[string]string{"KeyId": "alias/a", "Plaintext": "a+/ =&*~", "EncryptionContext": `{"a":"1","b":"<2>"}`},
			`{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","CiphertextBlob":"blob"}`,
			&kmsapi.EncryptResponse{Reply: reply, KeyId: "k-1", KeyVersionId: "v-1", CiphertextBlob: "blob"},
		},
		{
			kmsapi.OpDecrypt,
			func(c *client.Client) (any, error) {
				return c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: "blob"})
			},
			map[string]string{"CiphertextBlob": "blob"},
			`{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","Plaintext":"text"}`,
			&kmsapi.DecryptResponse{Reply: reply, KeyId: "k-1", KeyVersionId: "v-1", Plaintext: kmsapi.NewSecret("text")},
		},
		{
			kmsapi.OpGenerateDataKey,
			func(c *client.Client) (any, error) {
				return c.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: "k-1", KeySpec: kmsapi.DataKeyAES128, NumberOfBytes: 64})
			},
			map[string]string{"KeyId": "k-1", "KeySpec": "AES_128", "NumberOfBytes": "64"},
			`{"RequestId":"r-0","KeyId":"k-1","KeyVersionId":"v-1","CiphertextBlob":"blob","Plaintext":"text"}`,
			&kmsapi.GenerateDataKeyResponse{Reply: reply, KeyId: "k-1", KeyVersionId: "v-1", CiphertextBlob: "blob", Plaintext: kmsapi.NewSecret("text")},
		},
		{
			kmsapi.OpDescribeRegions,
			func(c *client.Client) (any, error) { return c.DescribeRegions(ctx, &kmsapi.DescribeRegionsRequest{}) },
			nil,
			`{"RequestId":"r-0","Regions":{"Region":[{"RegionId":"cn-hangzhou"}]}}`,
			&kmsapi.DescribeRegionsResponse{Reply: reply, Regions: kmsapi.RegionList{Region: []kmsapi.RegionEntry{{RegionId: "cn-hangzhou"}}}},
		},
	} {
		t.Run(string(tc.op), func(t *testing.T) {
			server := newScript(t, answer(tc.answer))
			got, err := tc.call(server.dial(t, nil))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)

			require.Len(t, server.seen(), 1)
			form := server.seen()[0].form
			require.Equal(t, string(tc.op), form.Get("Action"))
			for name, value := range tc.sent {
				require.Equal(t, []string{value}, form[name])
			}
			require.Len(t, form, len(tc.sent)+len(commonParameters), "nothing else is sent")
		})
	}
}

var commonParameters = []string{
	"AccessKeyId", "Action", "Format", "RegionId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion", "Timestamp", "Version",
}

func TestRequestIsASignedFormPost(t *testing.T) {
	server := newScript(t, done)
	at := time.Date(2023, 3, 13, 16, 34, 30, 0, time.FixedZone("CST", 8*3600))
	c := server.dial(t, func(cfg *client.Config) {
		cfg.Region = "cn-beijing"
		cfg.UserAgent = "tester/1"
		cfg.Clock = func() time.Time { return at }
		cfg.Credentials = client.Static{AccessKeyID: "testid", AccessKeySecret: kmsapi.NewSecret(secretKey), SecurityToken: kmsapi.NewSecret(stsToken)}
	})
	require.NoError(t, encrypt(context.Background(), c))

	r := server.seen()[0]
	require.Equal(t, "POST", r.method)
	require.Equal(t, "/", r.path)
	require.Empty(t, r.query, "no parameter goes into a URL, which proxies log")
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
	require.True(t, signature.VerifyV1(kmsapi.NewSecret(secretKey), signature.StringToSignV1("POST", params), r.form.Get("Signature")))
}

// The signature here was not made by this module, but by
//
//	printf %s 'POST&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DJSON%26RegionId%3Dcn-beijing%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dedb2b34af0af9a6d14deaf7c1a5315eb%26SignatureVersion%3D1.0%26Timestamp%3D2023-03-13T08%253A34%253A30Z%26Version%3D2016-01-20' |
//	openssl dgst -sha1 -hmac 'testsecret&' -binary | base64
//
// from the example of the page "RPC mechanism" at help.aliyun.com, with Action and Version of KMS.
func TestSignatureOnTheWireIsWhatOpenSSLMakesOfThePublishedExample(t *testing.T) {
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
	require.Equal(t, &kmsapi.Error{Code: "Forbidden.KeyNotFound", HTTPStatus: 404, Message: "It is so.", RequestID: "r-1", HostID: "h"}, refusal)
	require.Len(t, server.seen(), 1, "a refusal for good is not tried again")
}

func TestRefusalDoesNotRepeatTheStringToSign(t *testing.T) {
	server := newScript(t, status(400, `{"Code":"SignatureDoesNotMatch","RequestId":"r-1","Message":"Specified signature is not matched with our calculation. server string to sign is:POST&%2F&Action%3DEncrypt%26Plaintext%3D`+plaintext+`%26SecurityToken%3D`+stsToken+`"}`))
	err := encrypt(context.Background(), server.dial(t, nil))
	require.ErrorIs(t, err, &kmsapi.Error{Code: "SignatureDoesNotMatch"})
	require.ErrorContains(t, err, "Specified signature is not matched with our calculation.")
	requireNoSecret(t, err.Error())
}

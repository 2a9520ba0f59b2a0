package main

import (
	"net/http"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kmsv3 "github.com/alibabacloud-go/kms-20160120/v3/client"
	openapiutil "github.com/alibabacloud-go/openapi-util/service"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	kmsv1 "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const encryptionContext = `{"app":"` + keyName + `"}`

// newV1 returns the old SDK's client over TLS, which keeps its connections.
func newV1(kms *kmsService) (*kmsv1.Client, error) {
	transport, err := newTransport(kms.CA)
	if err != nil {
		return nil, err
	}
	access := kms.Credentials()
	config := sdk.NewConfig().WithScheme(requests.HTTPS).WithHttpTransport(transport)
	client, err := kmsv1.NewClientWithOptions(kmsapi.DefaultRegion, config,
		credentials.NewAccessKeyCredential(access.AccessKeyID, access.AccessKeySecret.Reveal()))
	if err != nil {
		return nil, err
	}
	client.Domain = kms.Address
	return client, nil
}

// v1Clients returns a client for each goroutine: a call changes its client's timeouts, so clients can't be shared.
func v1Clients(kms *kmsService, goroutines int) (chan *kmsv1.Client, error) {
	clients := make(chan *kmsv1.Client, goroutines)
	for range goroutines {
		client, err := newV1(kms)
		if err != nil {
			return nil, err
		}
		clients <- client
	}
	return clients, nil
}

func v1Encrypt(keyID string) *kmsv1.EncryptRequest {
	request := kmsv1.CreateEncryptRequest()
	request.KeyId, request.Plaintext, request.EncryptionContext = keyID, plaintext, encryptionContext
	return request
}

// newV3 returns the new SDK's client over TLS, which keeps a connection for each goroutine.
func newV3(kms *kmsService) (*kmsv3.Client, error) {
	access := kms.Credentials()
	return kmsv3.NewClient(&openapi.Config{
		AccessKeyId: tea.String(access.AccessKeyID), AccessKeySecret: tea.String(access.AccessKeySecret.Reveal()),
		RegionId: tea.String(kmsapi.DefaultRegion), Endpoint: tea.String(kms.Address), Protocol: tea.String("HTTPS"),
		Ca: tea.String(kms.CA), MaxIdleConns: tea.Int(connections),
	})
}

func v3Encrypt(keyID string) *kmsv3.EncryptRequest {
	return &kmsv3.EncryptRequest{
		KeyId: tea.String(keyID), Plaintext: tea.String(plaintext), EncryptionContext: map[string]any{"app": keyName},
	}
}

// signLikeV3 does what the new SDK does between filling in a request and sending it, as far as its parts can be called.
func signLikeV3(kms *kmsService, keyID string) error {
	access := kms.Credentials()
	algorithm := tea.String("ACS3-HMAC-SHA256")
	request := tea.NewRequest()
	request.Method, request.Pathname = tea.String(http.MethodPost), tea.String("/")
	request.Query = openapiutil.Query(map[string]any{
		"KeyId": keyID, "Plaintext": plaintext,
		"EncryptionContext": tea.StringValue(util.ToJSONString(map[string]any{"app": keyName})),
	})
	hash := openapiutil.HexEncode(openapiutil.Hash(util.ToBytes(tea.String("")), algorithm))
	request.Headers = map[string]*string{
		"host": tea.String(kms.Address), "user-agent": tea.String("bench"), "accept": tea.String("application/json"),
		"x-acs-version": tea.String(kmsapi.Version), "x-acs-action": tea.String("Encrypt"),
		"x-acs-date": openapiutil.GetTimestamp(), "x-acs-signature-nonce": util.GetNonce(),
		"x-acs-content-sha256": hash,
	}
	openapiutil.GetAuthorization(request, algorithm, hash,
		tea.String(access.AccessKeyID), tea.String(access.AccessKeySecret.Reveal()))
	return nil
}

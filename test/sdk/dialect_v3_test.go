package sdk

import (
	"encoding/json"
	"errors"
	"testing"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	kms "github.com/alibabacloud-go/kms-20160120/v3/client"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// v3 is alibabacloud-go's kms-20160120: ACS3-HMAC-SHA256, or RPC V1 which it calls "v2".
type v3 struct{ client *kms.Client }

func dialV3(signatureAlgorithm string) func(testing.TB, *service, access) caller {
	return func(t testing.TB, at *service, as access) caller {
		protocol := "HTTPS"
		if at.plain {
			protocol = "HTTP"
		}
		config := &openapi.Config{
			AccessKeyId: tea.String(as.id), AccessKeySecret: tea.String(as.secret), RegionId: tea.String(kmsapi.DefaultRegion),
			Endpoint: tea.String(at.address), Protocol: tea.String(protocol),
		}
		if at.dedicated != nil {
			config.RegionId, config.Ca, config.HttpsProxy = nil, tea.String(at.dedicated.ca), tea.String(at.dedicated.proxy)
		}
		if as.token != "" {
			config.SecurityToken = tea.String(as.token)
		}
		client, err := kms.NewClient(config)
		require.NoError(t, err)
		if signatureAlgorithm != "" {
			client.SignatureAlgorithm = tea.String(signatureAlgorithm)
		}
		return v3{client}
	}
}

// v3Operation calls one operation of the SDK.
type v3Operation func(c *kms.Client, params kmsapi.Params, answer kmsapi.Response) error

func v3Row[Request, Answer any](send func(*kms.Client, *Request) (Answer, error)) v3Operation {
	return func(c *kms.Client, params kmsapi.Params, answer kmsapi.Response) error {
		request := new(Request)
		if err := fill(request, params); err != nil {
			return err
		}
		got, err := send(c, request)
		if err != nil {
			return v3Error(err)
		}
		return readBody(got, answer)
	}
}

// v3Plain is v3Row for an operation that takes no request.
func v3Plain[Answer any](send func(*kms.Client) (Answer, error)) v3Operation {
	return func(c *kms.Client, _ kmsapi.Params, answer kmsapi.Response) error {
		got, err := send(c)
		if err != nil {
			return v3Error(err)
		}
		return readBody(got, answer)
	}
}

// readBody reads the SDK's response without headers and status.
func readBody(got any, answer kmsapi.Response) error {
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	var parts struct {
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	return json.Unmarshal(parts.Body, answer)
}

var v3Operations = map[kmsapi.Operation]v3Operation{
	kmsapi.OpCreateKey:                       v3Row((*kms.Client).CreateKey),
	kmsapi.OpGetParametersForImport:          v3Row((*kms.Client).GetParametersForImport),
	kmsapi.OpImportKeyMaterial:               v3Row((*kms.Client).ImportKeyMaterial),
	kmsapi.OpEnableKey:                       v3Row((*kms.Client).EnableKey),
	kmsapi.OpDisableKey:                      v3Row((*kms.Client).DisableKey),
	kmsapi.OpScheduleKeyDeletion:             v3Row((*kms.Client).ScheduleKeyDeletion),
	kmsapi.OpCancelKeyDeletion:               v3Row((*kms.Client).CancelKeyDeletion),
	kmsapi.OpDeleteKeyMaterial:               v3Row((*kms.Client).DeleteKeyMaterial),
	kmsapi.OpDescribeKey:                     v3Row((*kms.Client).DescribeKey),
	kmsapi.OpListKeys:                        v3Row((*kms.Client).ListKeys),
	kmsapi.OpEncrypt:                         v3Row((*kms.Client).Encrypt),
	kmsapi.OpGenerateDataKey:                 v3Row((*kms.Client).GenerateDataKey),
	kmsapi.OpDecrypt:                         v3Row((*kms.Client).Decrypt),
	kmsapi.OpReEncrypt:                       v3Row((*kms.Client).ReEncrypt),
	kmsapi.OpExportDataKey:                   v3Row((*kms.Client).ExportDataKey),
	kmsapi.OpGenerateDataKeyWithoutPlaintext: v3Row((*kms.Client).GenerateDataKeyWithoutPlaintext),
	kmsapi.OpGenerateAndExportDataKey:        v3Row((*kms.Client).GenerateAndExportDataKey),
	kmsapi.OpCreateAlias:                     v3Row((*kms.Client).CreateAlias),
	kmsapi.OpUpdateAlias:                     v3Row((*kms.Client).UpdateAlias),
	kmsapi.OpDeleteAlias:                     v3Row((*kms.Client).DeleteAlias),
	kmsapi.OpListAliases:                     v3Row((*kms.Client).ListAliases),
	kmsapi.OpListAliasesByKeyId:              v3Row((*kms.Client).ListAliasesByKeyId),
	kmsapi.OpTagResource:                     v3Row((*kms.Client).TagResource),
	kmsapi.OpUntagResource:                   v3Row((*kms.Client).UntagResource),
	kmsapi.OpListResourceTags:                v3Row((*kms.Client).ListResourceTags),
	kmsapi.OpGetKmsInstance:                  v3Row((*kms.Client).GetKmsInstance),
	kmsapi.OpListKmsInstances:                v3Row((*kms.Client).ListKmsInstances),
	kmsapi.OpCreateKeyVersion:                v3Row((*kms.Client).CreateKeyVersion),
	kmsapi.OpDescribeKeyVersion:              v3Row((*kms.Client).DescribeKeyVersion),
	kmsapi.OpListKeyVersions:                 v3Row((*kms.Client).ListKeyVersions),
	kmsapi.OpUpdateRotationPolicy:            v3Row((*kms.Client).UpdateRotationPolicy),
	kmsapi.OpGetKeyPolicy:                    v3Row((*kms.Client).GetKeyPolicy),
	kmsapi.OpSetKeyPolicy:                    v3Row((*kms.Client).SetKeyPolicy),
	kmsapi.OpGetPublicKey:                    v3Row((*kms.Client).GetPublicKey),
	kmsapi.OpAsymmetricSign:                  v3Row((*kms.Client).AsymmetricSign),
	kmsapi.OpAsymmetricVerify:                v3Row((*kms.Client).AsymmetricVerify),
	kmsapi.OpAsymmetricEncrypt:               v3Row((*kms.Client).AsymmetricEncrypt),
	kmsapi.OpAsymmetricDecrypt:               v3Row((*kms.Client).AsymmetricDecrypt),
	kmsapi.OpUpdateKeyDescription:            v3Row((*kms.Client).UpdateKeyDescription),
	kmsapi.OpSetDeletionProtection:           v3Row((*kms.Client).SetDeletionProtection),
	kmsapi.OpTagResources:                    v3Row((*kms.Client).TagResources),
	kmsapi.OpUntagResources:                  v3Row((*kms.Client).UntagResources),
	kmsapi.OpListTagResources:                v3Row((*kms.Client).ListTagResources),
	kmsapi.OpDescribeAccountKmsStatus:        v3Plain((*kms.Client).DescribeAccountKmsStatus),
	kmsapi.OpOpenKmsService:                  v3Plain((*kms.Client).OpenKmsService),
	kmsapi.OpDescribeRegions:                 v3Plain((*kms.Client).DescribeRegions),
	kmsapi.OpCreateSecret:                    v3Row((*kms.Client).CreateSecret),
	kmsapi.OpPutSecretValue:                  v3Row((*kms.Client).PutSecretValue),
	kmsapi.OpGetSecretValue:                  v3Row((*kms.Client).GetSecretValue),
	kmsapi.OpDescribeSecret:                  v3Row((*kms.Client).DescribeSecret),
	kmsapi.OpListSecrets:                     v3Row((*kms.Client).ListSecrets),
	kmsapi.OpListSecretVersionIds:            v3Row((*kms.Client).ListSecretVersionIds),
	kmsapi.OpUpdateSecret:                    v3Row((*kms.Client).UpdateSecret),
	kmsapi.OpUpdateSecretVersionStage:        v3Row((*kms.Client).UpdateSecretVersionStage),
	kmsapi.OpDeleteSecret:                    v3Row((*kms.Client).DeleteSecret),
	kmsapi.OpRestoreSecret:                   v3Row((*kms.Client).RestoreSecret),
	kmsapi.OpRotateSecret:                    v3Row((*kms.Client).RotateSecret),
	kmsapi.OpUpdateSecretRotationPolicy:      v3Row((*kms.Client).UpdateSecretRotationPolicy),
	kmsapi.OpGetSecretPolicy:                 v3Row((*kms.Client).GetSecretPolicy),
	kmsapi.OpSetSecretPolicy:                 v3Row((*kms.Client).SetSecretPolicy),
	kmsapi.OpGetRandomPassword:               v3Row((*kms.Client).GetRandomPassword),
}

func (s v3) call(request kmsapi.Request, answer kmsapi.Response) error {
	return v3Operations[request.Operation()](s.client, kmsapi.Encode(request), answer)
}

// v3Error converts the SDK's error for a refusal: status, message and request id in one string, and everything in Data.
func v3Error(err error) error {
	var refusal *tea.SDKError
	if !errors.As(err, &refusal) || refusal.StatusCode == nil {
		return err
	}
	var data struct{ RequestId, HostId string }
	if err := json.Unmarshal([]byte(tea.StringValue(refusal.Data)), &data); err != nil {
		return err
	}
	return &kmsapi.Error{
		Code: kmsapi.Code(tea.StringValue(refusal.Code)), HTTPStatus: *refusal.StatusCode,
		Message:   tea.StringValue(refusal.Message),
		RequestID: data.RequestId, HostID: data.HostId,
	}
}

package sdk

import (
	"errors"
	"testing"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// v1 is alibaba-cloud-sdk-go: RPC V1, a POST with everything in its query.
type v1 struct {
	client *kms.Client
	format string
}

func dialV1(format string) func(testing.TB, *service, access) caller {
	return func(t testing.TB, at *service, as access) caller {
		return v1{client: newV1(t, at, as, kmsapi.DefaultRegion), format: format}
	}
}

func newV1(t testing.TB, at *service, as access, region string) *kms.Client {
	config := sdk.NewConfig()
	if !at.plain {
		config = config.WithScheme(requests.HTTPS) // The default is HTTP.
	}
	var credential auth.Credential = credentials.NewAccessKeyCredential(as.id, as.secret)
	if as.token != "" {
		credential = credentials.NewStsTokenCredential(as.id, as.secret, as.token)
	}
	client, err := kms.NewClientWithOptions(region, config, credential)
	require.NoError(t, err)
	client.Domain = at.address
	if at.dedicated != nil {
		// This is what Alibaba Cloud's guide says: the SDK accepts no CA.
		client.SetHTTPSInsecure(true)
		client.SetHttpsProxy(at.dedicated.proxy)
	}
	return client
}

// v1Operation calls one operation of the SDK.
type v1Operation func(s v1, params kmsapi.Params, answer kmsapi.Response) error

func v1Row[Request requests.AcsRequest, Answer any](
	create func() Request, send func(*kms.Client, Request) (Answer, error),
) v1Operation {
	return func(s v1, params kmsapi.Params, answer kmsapi.Response) error {
		request := create()
		if err := fill(request, params.Add("AcceptFormat", s.format)); err != nil {
			return err
		}
		got, err := send(s.client, request)
		if err != nil {
			return v1Error(err)
		}
		return read(got, answer)
	}
}

var v1Operations = map[kmsapi.Operation]v1Operation{
	kmsapi.OpCreateKey:              v1Row(kms.CreateCreateKeyRequest, (*kms.Client).CreateKey),
	kmsapi.OpGetParametersForImport: v1Row(kms.CreateGetParametersForImportRequest, (*kms.Client).GetParametersForImport),
	kmsapi.OpImportKeyMaterial:      v1Row(kms.CreateImportKeyMaterialRequest, (*kms.Client).ImportKeyMaterial),
	kmsapi.OpEnableKey:              v1Row(kms.CreateEnableKeyRequest, (*kms.Client).EnableKey),
	kmsapi.OpDisableKey:             v1Row(kms.CreateDisableKeyRequest, (*kms.Client).DisableKey),
	kmsapi.OpScheduleKeyDeletion:    v1Row(kms.CreateScheduleKeyDeletionRequest, (*kms.Client).ScheduleKeyDeletion),
	kmsapi.OpCancelKeyDeletion:      v1Row(kms.CreateCancelKeyDeletionRequest, (*kms.Client).CancelKeyDeletion),
	kmsapi.OpDeleteKeyMaterial:      v1Row(kms.CreateDeleteKeyMaterialRequest, (*kms.Client).DeleteKeyMaterial),
	kmsapi.OpDescribeKey:            v1Row(kms.CreateDescribeKeyRequest, (*kms.Client).DescribeKey),
	kmsapi.OpListKeys:               v1Row(kms.CreateListKeysRequest, (*kms.Client).ListKeys),
	kmsapi.OpEncrypt:                v1Row(kms.CreateEncryptRequest, (*kms.Client).Encrypt),
	kmsapi.OpGenerateDataKey:        v1Row(kms.CreateGenerateDataKeyRequest, (*kms.Client).GenerateDataKey),
	kmsapi.OpDecrypt:                v1Row(kms.CreateDecryptRequest, (*kms.Client).Decrypt),
	kmsapi.OpReEncrypt:              v1Row(kms.CreateReEncryptRequest, (*kms.Client).ReEncrypt),
	kmsapi.OpExportDataKey:          v1Row(kms.CreateExportDataKeyRequest, (*kms.Client).ExportDataKey),
	kmsapi.OpGenerateDataKeyWithoutPlaintext: v1Row(
		kms.CreateGenerateDataKeyWithoutPlaintextRequest, (*kms.Client).GenerateDataKeyWithoutPlaintext),
	kmsapi.OpGenerateAndExportDataKey: v1Row(
		kms.CreateGenerateAndExportDataKeyRequest, (*kms.Client).GenerateAndExportDataKey),
	kmsapi.OpCreateAlias:           v1Row(kms.CreateCreateAliasRequest, (*kms.Client).CreateAlias),
	kmsapi.OpUpdateAlias:           v1Row(kms.CreateUpdateAliasRequest, (*kms.Client).UpdateAlias),
	kmsapi.OpDeleteAlias:           v1Row(kms.CreateDeleteAliasRequest, (*kms.Client).DeleteAlias),
	kmsapi.OpListAliases:           v1Row(kms.CreateListAliasesRequest, (*kms.Client).ListAliases),
	kmsapi.OpListAliasesByKeyId:    v1Row(kms.CreateListAliasesByKeyIdRequest, (*kms.Client).ListAliasesByKeyId),
	kmsapi.OpTagResource:           v1Row(kms.CreateTagResourceRequest, (*kms.Client).TagResource),
	kmsapi.OpUntagResource:         v1Row(kms.CreateUntagResourceRequest, (*kms.Client).UntagResource),
	kmsapi.OpListResourceTags:      v1Row(kms.CreateListResourceTagsRequest, (*kms.Client).ListResourceTags),
	kmsapi.OpGetKmsInstance:        v1Row(kms.CreateGetKmsInstanceRequest, (*kms.Client).GetKmsInstance),
	kmsapi.OpListKmsInstances:      v1Row(kms.CreateListKmsInstancesRequest, (*kms.Client).ListKmsInstances),
	kmsapi.OpCreateKeyVersion:      v1Row(kms.CreateCreateKeyVersionRequest, (*kms.Client).CreateKeyVersion),
	kmsapi.OpDescribeKeyVersion:    v1Row(kms.CreateDescribeKeyVersionRequest, (*kms.Client).DescribeKeyVersion),
	kmsapi.OpListKeyVersions:       v1Row(kms.CreateListKeyVersionsRequest, (*kms.Client).ListKeyVersions),
	kmsapi.OpUpdateRotationPolicy:  v1Row(kms.CreateUpdateRotationPolicyRequest, (*kms.Client).UpdateRotationPolicy),
	kmsapi.OpGetKeyPolicy:          v1Row(kms.CreateGetKeyPolicyRequest, (*kms.Client).GetKeyPolicy),
	kmsapi.OpSetKeyPolicy:          v1Row(kms.CreateSetKeyPolicyRequest, (*kms.Client).SetKeyPolicy),
	kmsapi.OpGetPublicKey:          v1Row(kms.CreateGetPublicKeyRequest, (*kms.Client).GetPublicKey),
	kmsapi.OpAsymmetricSign:        v1Row(kms.CreateAsymmetricSignRequest, (*kms.Client).AsymmetricSign),
	kmsapi.OpAsymmetricVerify:      v1Row(kms.CreateAsymmetricVerifyRequest, (*kms.Client).AsymmetricVerify),
	kmsapi.OpAsymmetricEncrypt:     v1Row(kms.CreateAsymmetricEncryptRequest, (*kms.Client).AsymmetricEncrypt),
	kmsapi.OpAsymmetricDecrypt:     v1Row(kms.CreateAsymmetricDecryptRequest, (*kms.Client).AsymmetricDecrypt),
	kmsapi.OpUpdateKeyDescription:  v1Row(kms.CreateUpdateKeyDescriptionRequest, (*kms.Client).UpdateKeyDescription),
	kmsapi.OpSetDeletionProtection: v1Row(kms.CreateSetDeletionProtectionRequest, (*kms.Client).SetDeletionProtection),
	kmsapi.OpTagResources:          v1Row(kms.CreateTagResourcesRequest, (*kms.Client).TagResources),
	kmsapi.OpUntagResources:        v1Row(kms.CreateUntagResourcesRequest, (*kms.Client).UntagResources),
	kmsapi.OpListTagResources:      v1Row(kms.CreateListTagResourcesRequest, (*kms.Client).ListTagResources),
	kmsapi.OpDescribeAccountKmsStatus: v1Row(
		kms.CreateDescribeAccountKmsStatusRequest, (*kms.Client).DescribeAccountKmsStatus),
	kmsapi.OpOpenKmsService:       v1Row(kms.CreateOpenKmsServiceRequest, (*kms.Client).OpenKmsService),
	kmsapi.OpDescribeRegions:      v1Row(kms.CreateDescribeRegionsRequest, (*kms.Client).DescribeRegions),
	kmsapi.OpCreateSecret:         v1Row(kms.CreateCreateSecretRequest, (*kms.Client).CreateSecret),
	kmsapi.OpPutSecretValue:       v1Row(kms.CreatePutSecretValueRequest, (*kms.Client).PutSecretValue),
	kmsapi.OpGetSecretValue:       v1Row(kms.CreateGetSecretValueRequest, (*kms.Client).GetSecretValue),
	kmsapi.OpDescribeSecret:       v1Row(kms.CreateDescribeSecretRequest, (*kms.Client).DescribeSecret),
	kmsapi.OpListSecrets:          v1Row(kms.CreateListSecretsRequest, (*kms.Client).ListSecrets),
	kmsapi.OpListSecretVersionIds: v1Row(kms.CreateListSecretVersionIdsRequest, (*kms.Client).ListSecretVersionIds),
	kmsapi.OpUpdateSecret:         v1Row(kms.CreateUpdateSecretRequest, (*kms.Client).UpdateSecret),
	kmsapi.OpUpdateSecretVersionStage: v1Row(
		kms.CreateUpdateSecretVersionStageRequest, (*kms.Client).UpdateSecretVersionStage),
	kmsapi.OpDeleteSecret:  v1Row(kms.CreateDeleteSecretRequest, (*kms.Client).DeleteSecret),
	kmsapi.OpRestoreSecret: v1Row(kms.CreateRestoreSecretRequest, (*kms.Client).RestoreSecret),
	kmsapi.OpRotateSecret:  v1Row(kms.CreateRotateSecretRequest, (*kms.Client).RotateSecret),
	kmsapi.OpUpdateSecretRotationPolicy: v1Row(
		kms.CreateUpdateSecretRotationPolicyRequest, (*kms.Client).UpdateSecretRotationPolicy),
	kmsapi.OpGetSecretPolicy:   v1Row(kms.CreateGetSecretPolicyRequest, (*kms.Client).GetSecretPolicy),
	kmsapi.OpSetSecretPolicy:   v1Row(kms.CreateSetSecretPolicyRequest, (*kms.Client).SetSecretPolicy),
	kmsapi.OpGetRandomPassword: v1Row(kms.CreateGetRandomPasswordRequest, (*kms.Client).GetRandomPassword),
}

func (s v1) call(request kmsapi.Request, answer kmsapi.Response) error {
	return v1Operations[request.Operation()](s, kmsapi.Encode(request), answer)
}

// v1Error converts the SDK's error for a refusal. The SDK parses only JSON: with XML, its message is the whole body.
func v1Error(err error) error {
	var refusal *sdkerrors.ServerError
	if !errors.As(err, &refusal) {
		return err
	}
	return &kmsapi.Error{
		Code: kmsapi.Code(refusal.ErrorCode()), HTTPStatus: refusal.HttpStatus(), Message: refusal.Message(),
		RequestID: refusal.RequestId(), HostID: refusal.HostId(),
	}
}

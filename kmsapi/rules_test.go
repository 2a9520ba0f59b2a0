package kmsapi_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// rulesOf has the rules in the reference's tables of parameters (§4) and later publications, for the parameters that
// are served.
var rulesOf = map[kmsapi.Operation]struct {
	request kmsapi.Request
	names   []string
}{
	kmsapi.OpCreateKey: {
		&kmsapi.CreateKeyRequest{},
		[]string{
			"Origin", "Description", "KeySpec", "KeyUsage", "ProtectionLevel", "DKMSInstanceId", "Policy",
			"EnableAutomaticRotation", "RotationInterval", "Tags",
		},
	},
	kmsapi.OpCreateKeyVersion:   {&kmsapi.CreateKeyVersionRequest{}, []string{"KeyId*"}},
	kmsapi.OpDescribeKeyVersion: {&kmsapi.DescribeKeyVersionRequest{}, []string{"KeyId*", "KeyVersionId*"}},
	kmsapi.OpListKeyVersions:    {&kmsapi.ListKeyVersionsRequest{}, []string{"KeyId*", "PageNumber", "PageSize"}},
	kmsapi.OpUpdateRotationPolicy: {
		&kmsapi.UpdateRotationPolicyRequest{},
		[]string{"KeyId*", "EnableAutomaticRotation*", "RotationInterval"},
	},
	kmsapi.OpDescribeKey:         {&kmsapi.DescribeKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpListKeys:            {&kmsapi.ListKeysRequest{}, []string{"PageNumber", "PageSize", "Filters"}},
	kmsapi.OpEnableKey:           {&kmsapi.EnableKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpDisableKey:          {&kmsapi.DisableKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpScheduleKeyDeletion: {&kmsapi.ScheduleKeyDeletionRequest{}, []string{"KeyId*", "PendingWindowInDays*"}},
	kmsapi.OpCancelKeyDeletion:   {&kmsapi.CancelKeyDeletionRequest{}, []string{"KeyId*"}},
	kmsapi.OpEncrypt: {
		&kmsapi.EncryptRequest{},
		[]string{"KeyId*", "Plaintext*", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpDecrypt: {&kmsapi.DecryptRequest{}, []string{"CiphertextBlob*", "EncryptionContext", "DryRun"}},
	kmsapi.OpGenerateDataKey: {
		&kmsapi.GenerateDataKeyRequest{},
		[]string{"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpGenerateDataKeyWithoutPlaintext: {
		&kmsapi.GenerateDataKeyWithoutPlaintextRequest{},
		[]string{"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpExportDataKey: {
		&kmsapi.ExportDataKeyRequest{},
		[]string{
			"CiphertextBlob*", "EncryptionContext", "PublicKeyBlob*", "WrappingKeySpec*", "WrappingAlgorithm*", "DryRun",
		},
	},
	kmsapi.OpGenerateAndExportDataKey: {
		&kmsapi.GenerateAndExportDataKeyRequest{},
		[]string{
			"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "PublicKeyBlob*", "WrappingKeySpec*",
			"WrappingAlgorithm*", "DryRun",
		},
	},
	kmsapi.OpReEncrypt: {
		&kmsapi.ReEncryptRequest{},
		[]string{
			"CiphertextBlob*", "SourceEncryptionContext", "SourceKeyId", "SourceKeyVersionId", "SourceEncryptionAlgorithm",
			"DestinationKeyId*", "DestinationEncryptionContext", "DryRun",
		},
	},
	kmsapi.OpDescribeRegions: {&kmsapi.DescribeRegionsRequest{}, nil},

	kmsapi.OpGetParametersForImport: {
		&kmsapi.GetParametersForImportRequest{},
		[]string{"KeyId*", "WrappingAlgorithm*", "WrappingKeySpec*"},
	},
	kmsapi.OpImportKeyMaterial: {
		&kmsapi.ImportKeyMaterialRequest{},
		[]string{"KeyId", "EncryptedKeyMaterial*", "ImportToken*", "KeyMaterialExpireUnix"},
	},
	kmsapi.OpDeleteKeyMaterial:     {&kmsapi.DeleteKeyMaterialRequest{}, []string{"KeyId*"}},
	kmsapi.OpCreateAlias:           {&kmsapi.CreateAliasRequest{}, []string{"AliasName*", "KeyId*"}},
	kmsapi.OpUpdateAlias:           {&kmsapi.UpdateAliasRequest{}, []string{"AliasName*", "KeyId*"}},
	kmsapi.OpDeleteAlias:           {&kmsapi.DeleteAliasRequest{}, []string{"AliasName*"}},
	kmsapi.OpListAliases:           {&kmsapi.ListAliasesRequest{}, []string{"PageNumber", "PageSize"}},
	kmsapi.OpListAliasesByKeyId:    {&kmsapi.ListAliasesByKeyIdRequest{}, []string{"PageNumber", "PageSize", "KeyId*"}},
	kmsapi.OpTagResource:           {&kmsapi.TagResourceRequest{}, []string{"SecretName", "KeyId*", "Tags*"}},
	kmsapi.OpUntagResource:         {&kmsapi.UntagResourceRequest{}, []string{"SecretName", "KeyId*", "TagKeys*"}},
	kmsapi.OpListResourceTags:      {&kmsapi.ListResourceTagsRequest{}, []string{"KeyId*"}},
	kmsapi.OpGetKmsInstance:        {&kmsapi.GetKmsInstanceRequest{}, []string{"KmsInstanceId*"}},
	kmsapi.OpListKmsInstances:      {&kmsapi.ListKmsInstancesRequest{}, []string{"PageNumber", "PageSize"}},
	kmsapi.OpGetDefaultKmsInstance: {&kmsapi.GetDefaultKmsInstanceRequest{}, nil},
	kmsapi.OpGetPublicKey:          {&kmsapi.GetPublicKeyRequest{}, []string{"KeyId*", "KeyVersionId*", "DryRun"}},
	kmsapi.OpAsymmetricSign: {
		&kmsapi.AsymmetricSignRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Digest*", "DryRun"},
	},
	kmsapi.OpAsymmetricVerify: {
		&kmsapi.AsymmetricVerifyRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Digest*", "Value*", "DryRun"},
	},
	kmsapi.OpAsymmetricEncrypt: {
		&kmsapi.AsymmetricEncryptRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Plaintext*", "DryRun"},
	},
	kmsapi.OpAsymmetricDecrypt: {
		&kmsapi.AsymmetricDecryptRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "CiphertextBlob*", "DryRun"},
	},
	kmsapi.OpUpdateKeyDescription: {&kmsapi.UpdateKeyDescriptionRequest{}, []string{"KeyId*", "Description"}},
	kmsapi.OpSetDeletionProtection: {
		&kmsapi.SetDeletionProtectionRequest{},
		[]string{"ProtectedResourceArn", "KeyId", "EnableDeletionProtection*", "DeletionProtectionDescription"},
	},
	kmsapi.OpTagResources: {&kmsapi.TagResourcesRequest{}, []string{"ResourceType*", "ResourceId*", "Tag*"}},
	kmsapi.OpUntagResources: {
		&kmsapi.UntagResourcesRequest{},
		[]string{"ResourceType*", "ResourceId*", "TagKey", "All"},
	},
	kmsapi.OpListTagResources: {
		&kmsapi.ListTagResourcesRequest{},
		[]string{"ResourceType*", "ResourceId", "Tag", "NextToken"},
	},
	kmsapi.OpDescribeAccountKmsStatus: {&kmsapi.DescribeAccountKmsStatusRequest{}, nil},
	kmsapi.OpOpenKmsService:           {&kmsapi.OpenKmsServiceRequest{}, nil},
	kmsapi.OpGetKeyPolicy:             {&kmsapi.GetKeyPolicyRequest{}, []string{"KeyId*", "PolicyName"}},
	kmsapi.OpSetKeyPolicy:             {&kmsapi.SetKeyPolicyRequest{}, []string{"KeyId*", "Policy*", "PolicyName"}},
	kmsapi.OpCreateSecret: {
		&kmsapi.CreateSecretRequest{},
		[]string{
			"SecretName*", "VersionId*", "SecretData*", "SecretDataType", "SecretType", "EncryptionKeyId", "Description",
			"DKMSInstanceId", "EnableAutomaticRotation", "Tags", "Policy",
		},
	},
	kmsapi.OpPutSecretValue: {
		&kmsapi.PutSecretValueRequest{},
		[]string{"SecretName*", "VersionId*", "SecretData*", "SecretDataType", "VersionStages"},
	},
	kmsapi.OpGetSecretValue: {
		&kmsapi.GetSecretValueRequest{},
		[]string{"SecretName*", "VersionId", "VersionStage", "FetchExtendedConfig", "DryRun"},
	},
	kmsapi.OpDescribeSecret: {&kmsapi.DescribeSecretRequest{}, []string{"SecretName*", "FetchTags"}},
	kmsapi.OpListSecrets: {
		&kmsapi.ListSecretsRequest{}, []string{"FetchTags", "Filters", "PageNumber", "PageSize"},
	},
	kmsapi.OpListSecretVersionIds: {
		&kmsapi.ListSecretVersionIdsRequest{}, []string{"SecretName*", "IncludeDeprecated", "PageNumber", "PageSize"},
	},
	kmsapi.OpUpdateSecret: {&kmsapi.UpdateSecretRequest{}, []string{"SecretName*", "Description"}},
	kmsapi.OpUpdateSecretVersionStage: {
		&kmsapi.UpdateSecretVersionStageRequest{},
		[]string{"SecretName*", "VersionStage*", "MoveToVersion", "RemoveFromVersion"},
	},
	kmsapi.OpDeleteSecret: {
		&kmsapi.DeleteSecretRequest{}, []string{"SecretName*", "ForceDeleteWithoutRecovery", "RecoveryWindowInDays"},
	},
	kmsapi.OpRestoreSecret:   {&kmsapi.RestoreSecretRequest{}, []string{"SecretName*"}},
	kmsapi.OpRotateSecret:    {&kmsapi.RotateSecretRequest{}, []string{"SecretName*", "VersionId*"}},
	kmsapi.OpGetSecretPolicy: {&kmsapi.GetSecretPolicyRequest{}, []string{"SecretName*", "PolicyName"}},
	kmsapi.OpSetSecretPolicy: {&kmsapi.SetSecretPolicyRequest{}, []string{"SecretName*", "Policy*", "PolicyName"}},
	kmsapi.OpUpdateSecretRotationPolicy: {
		&kmsapi.UpdateSecretRotationPolicyRequest{},
		[]string{"SecretName*", "EnableAutomaticRotation*", "RotationInterval"},
	},
	kmsapi.OpGetRandomPassword: {
		&kmsapi.GetRandomPasswordRequest{},
		[]string{
			"PasswordLength", "ExcludeCharacters", "ExcludeLowercase", "ExcludeUppercase", "ExcludeNumbers",
			"ExcludePunctuation", "RequireEachIncludedType",
		},
	},
}

func TestDescribeNamesTheParametersAndWhichAreRequired(t *testing.T) {
	for op, want := range rulesOf {
		require.Equal(t, op, want.request.Operation())
		var names []string
		for _, rule := range kmsapi.Describe(want.request) {
			if rule.Required {
				rule.Name += "*"
			}
			if rule.Support == kmsapi.Served {
				names = append(names, rule.Name)
			}
		}
		require.Equal(t, want.names, names, op)
	}
}

func TestRequiredParameterThatIsMissingOrEmptyIsNamed(t *testing.T) {
	for op, row := range rulesOf {
		for _, name := range row.names {
			name, required := strings.CutSuffix(name, "*")
			if !required {
				continue
			}
			without := map[string]kmsapi.Params{"missing": nil, "empty": {{Name: name, Value: ""}}}
			for how, params := range without {
				t.Run(string(op)+" with "+name+" "+how, func(t *testing.T) {
					for _, other := range row.names {
						if other != name+"*" && !(other == "SecretName" && name == "KeyId") {
							params = addValid(params, row.request, strings.TrimSuffix(other, "*"))
						}
					}
					err := kmsapi.Decode(params, fresh(row.request))
					require.ErrorIs(t, err, kmsapi.ErrMissingParameter)
					require.ErrorContains(t, err, `"`+name)
				})
			}
		}
	}
}

// addValid adds a good value of a parameter of r.
func addValid(params kmsapi.Params, r kmsapi.Request, name string) kmsapi.Params {
	switch name {
	case "Algorithm":
		rules := kmsapi.Describe(r)
		at := slices.IndexFunc(rules, func(rule kmsapi.Rule) bool { return rule.Name == name })
		return params.Add(name, rules[at].OneOf[0])
	case "ResourceId", "TagKey":
		return params.Add(name+".1", "k")
	case "Tag":
		return params.Add("Tag.1.Key", "k")
	default:
		return params.Add(name, valid[name])
	}
}

// valid has a good value for every parameter.
var valid = map[string]string{
	"KeyId": "k", "Plaintext": "p", "CiphertextBlob": "c", "EncryptionContext": `{"a":"b"}`, "KeySpec": "AES_128",
	"NumberOfBytes":       "1",
	"PendingWindowInDays": "7", "PageNumber": "1", "PageSize": "1", "Origin": "EXTERNAL", "Description": "d",
	"KmsInstanceId": "kst-a", "DKMSInstanceId": "kst-a", "Policy": "{}", "PolicyName": "default",
	"KeyUsage": "ENCRYPT/DECRYPT", "ProtectionLevel": "HSM", "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
	"WrappingKeySpec":         "RSA_2048",
	"DryRun":                  "true",
	"EnableAutomaticRotation": "true", "RotationInterval": "365d",
	"EncryptedKeyMaterial": "m", "ImportToken": "t", "KeyMaterialExpireUnix": "1", "AliasName": "alias/a",
	"PublicKeyBlob": "p", "SourceKeyId": "s", "SourceKeyVersionId": "v", "SourceEncryptionAlgorithm": "a",
	"SourceEncryptionContext": `{"a":"b"}`, "DestinationKeyId": "d", "DestinationEncryptionContext": `{"c":"d"}`,
	"KeyVersionId": "v", "Digest": "d", "Value": "v",
	"Tags": `[{"TagKey":"k","TagValue":"v"}]`, "TagKeys": `["k"]`, "Filters": "[]", "ProtectedResourceArn": "acs:",
	"EnableDeletionProtection": "false", "DeletionProtectionDescription": "d", "ResourceType": "key", "All": "false",
	"NextToken":  "t",
	"SecretName": "db/password", "VersionId": "v1", "SecretData": "d", "SecretDataType": "text", "SecretType": "Generic",
	"EncryptionKeyId": "k", "VersionStages": `["ACSCurrent"]`, "VersionStage": "ACSCurrent", "MoveToVersion": "v2",
	"RemoveFromVersion": "v1", "FetchTags": "true", "IncludeDeprecated": "true", "RecoveryWindowInDays": "7",
	"FetchExtendedConfig": "true", "ForceDeleteWithoutRecovery": "false", "PasswordLength": "8",
	"ExcludeCharacters": "x", "ExcludeLowercase": "true", "ExcludeUppercase": "true", "ExcludeNumbers": "true",
	"ExcludePunctuation": "true", "RequireEachIncludedType": "false",
}

func fresh(r kmsapi.Request) kmsapi.Request {
	return reflect.New(reflect.TypeOf(r).Elem()).Interface().(kmsapi.Request)
}

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// publishedParameters are the parameters of each served operation in Alibaba Cloud's SDK of July 2026.
var publishedParameters = map[kmsapi.Operation]string{
	kmsapi.OpCreateKey: "Description Origin ProtectionLevel KeyUsage KeySpec EnableAutomaticRotation RotationInterval " +
		"Tags Policy DKMSInstanceId KeyStorageMechanism",
	kmsapi.OpGetParametersForImport: "KeyId WrappingAlgorithm WrappingKeySpec",
	kmsapi.OpImportKeyMaterial:      "KeyId ImportToken EncryptedKeyMaterial KeyMaterialExpireUnix",
	kmsapi.OpDeleteKeyMaterial:      "KeyId",
	kmsapi.OpEnableKey:              "KeyId",
	kmsapi.OpDisableKey:             "KeyId",
	kmsapi.OpScheduleKeyDeletion:    "KeyId PendingWindowInDays",
	kmsapi.OpCancelKeyDeletion:      "KeyId",
	kmsapi.OpDescribeKey:            "KeyId",
	kmsapi.OpListKeys:               "PageNumber PageSize Filters",
	kmsapi.OpEncrypt:                "KeyId Plaintext EncryptionContext DryRun",
	kmsapi.OpGenerateDataKey:        "KeyId KeySpec NumberOfBytes EncryptionContext DryRun Recipient",
	kmsapi.OpDecrypt:                "CiphertextBlob EncryptionContext DryRun Recipient",
	kmsapi.OpExportDataKey:          "CiphertextBlob EncryptionContext PublicKeyBlob WrappingAlgorithm WrappingKeySpec DryRun",
	kmsapi.OpReEncrypt: "CiphertextBlob DestinationKeyId SourceKeyId SourceKeyVersionId SourceEncryptionAlgorithm " +
		"SourceEncryptionContext DestinationEncryptionContext DryRun",
	kmsapi.OpGenerateDataKeyWithoutPlaintext: "KeyId KeySpec NumberOfBytes EncryptionContext DryRun",
	kmsapi.OpGenerateAndExportDataKey: "KeyId KeySpec NumberOfBytes EncryptionContext PublicKeyBlob WrappingAlgorithm " +
		"WrappingKeySpec DryRun",
	kmsapi.OpGetPublicKey:          "KeyId KeyVersionId DryRun",
	kmsapi.OpAsymmetricSign:        "KeyId KeyVersionId Algorithm Digest DryRun",
	kmsapi.OpAsymmetricVerify:      "KeyId KeyVersionId Algorithm Digest Value DryRun",
	kmsapi.OpAsymmetricEncrypt:     "KeyId KeyVersionId Algorithm Plaintext DryRun",
	kmsapi.OpAsymmetricDecrypt:     "KeyId KeyVersionId Algorithm CiphertextBlob DryRun",
	kmsapi.OpCreateAlias:           "KeyId AliasName",
	kmsapi.OpUpdateAlias:           "KeyId AliasName",
	kmsapi.OpDeleteAlias:           "AliasName",
	kmsapi.OpListAliases:           "PageNumber PageSize",
	kmsapi.OpListAliasesByKeyId:    "KeyId PageNumber PageSize",
	kmsapi.OpTagResource:           "KeyId SecretName CertificateId Tags",
	kmsapi.OpUntagResource:         "KeyId SecretName CertificateId TagKeys",
	kmsapi.OpListResourceTags:      "KeyId",
	kmsapi.OpDescribeRegions:       "",
	kmsapi.OpGetKmsInstance:        "KmsInstanceId",
	kmsapi.OpListKmsInstances:      "PageNumber PageSize Filters",
	kmsapi.OpGetDefaultKmsInstance: "",
	kmsapi.OpCreateKeyVersion:      "KeyId",
	kmsapi.OpDescribeKeyVersion:    "KeyId KeyVersionId",
	kmsapi.OpListKeyVersions:       "KeyId PageNumber PageSize",
	kmsapi.OpUpdateRotationPolicy:  "KeyId EnableAutomaticRotation RotationInterval",
	kmsapi.OpGetKeyPolicy:          "KeyId PolicyName",
	kmsapi.OpSetKeyPolicy:          "KeyId PolicyName Policy",
	kmsapi.OpUpdateKeyDescription:  "KeyId Description",
	kmsapi.OpSetDeletionProtection: "ProtectedResourceArn KeyId EnableDeletionProtection DeletionProtectionDescription " +
		"KmsInstanceId",
	kmsapi.OpTagResources:             "ResourceType ResourceId Tag", // and RegionId, which every operation has
	kmsapi.OpUntagResources:           "ResourceType ResourceId TagKey All",
	kmsapi.OpListTagResources:         "ResourceType ResourceId Tag NextToken",
	kmsapi.OpDescribeAccountKmsStatus: "",
	kmsapi.OpOpenKmsService:           "",
	kmsapi.OpCreateSecret: "SecretName VersionId SecretData SecretDataType SecretType EncryptionKeyId Description Tags " +
		"EnableAutomaticRotation RotationInterval ExtendedConfig DKMSInstanceId Policy",
	kmsapi.OpPutSecretValue:             "SecretName VersionId SecretData SecretDataType VersionStages",
	kmsapi.OpGetSecretValue:             "SecretName VersionId VersionStage FetchExtendedConfig DryRun",
	kmsapi.OpDescribeSecret:             "SecretName FetchTags",
	kmsapi.OpListSecrets:                "FetchTags Filters PageNumber PageSize",
	kmsapi.OpListSecretVersionIds:       "SecretName IncludeDeprecated PageNumber PageSize",
	kmsapi.OpUpdateSecret:               "SecretName Description ExtendedConfig",
	kmsapi.OpUpdateSecretVersionStage:   "SecretName VersionStage MoveToVersion RemoveFromVersion",
	kmsapi.OpDeleteSecret:               "SecretName ForceDeleteWithoutRecovery RecoveryWindowInDays",
	kmsapi.OpRestoreSecret:              "SecretName",
	kmsapi.OpRotateSecret:               "SecretName VersionId",
	kmsapi.OpUpdateSecretRotationPolicy: "SecretName EnableAutomaticRotation RotationInterval",
	kmsapi.OpGetSecretPolicy:            "SecretName PolicyName",
	kmsapi.OpSetSecretPolicy:            "SecretName PolicyName Policy",
	kmsapi.OpGetRandomPassword: "PasswordLength ExcludeCharacters ExcludeLowercase ExcludeUppercase ExcludeNumbers " +
		"ExcludePunctuation RequireEachIncludedType",
}

func TestEveryPublishedParameterIsServedRefusedOrHarmless(t *testing.T) {
	require.Len(t, publishedParameters, len(server.Operations()))
	w := newWire(t)
	elsewhere := w.createKey()
	for op, published := range publishedParameters {
		var described []string
		for _, rule := range kmsapi.Describe(op.NewRequest()) {
			described = append(described, rule.Name)
			t.Run(string(op)+" "+rule.Name, func(t *testing.T) { w.in(t).tryValues(op, rule, elsewhere) })
		}
		require.ElementsMatch(t, strings.Fields(published), described, op)
	}
}

// tryValues sends an operation with different values of one parameter, and checks that each is accepted, refused or
// ignored as it should be.
func (w *wire) tryValues(op kmsapi.Operation, rule kmsapi.Rule, elsewhere string) {
	send := func(name, value string) answer {
		s := w.subject(op, kmsapi.Enabled, elsewhere)
		return w.do(string(op), setPair(s.parameters(op), name, value)...)
	}
	refused := func(got answer) {
		got.refused(w.t, kmsapi.ErrInvalidParameter)
		require.Contains(w.t, got.Message, `"`+rule.Name+`"`)
	}
	const another = "another value"
	if rule.Support == kmsapi.Harmless {
		require.Equal(w.t, http.StatusOK, send(rule.Name, another).status)
		return
	}
	if rule.Support == kmsapi.Refused {
		for _, value := range append(rule.OneOf, "") {
			require.Equal(w.t, http.StatusOK, send(rule.Name, value).status, "%q asks for what happens anyway", value)
		}
		refused(send(rule.Name+".1.Key", another)) // An SDK may flatten a list.
	}
	if rule.Support == kmsapi.Refused || len(rule.OneOf) > 0 {
		refused(send(rule.Name, another))
	}
}

func TestAKeyIsMadeAsAskedForOrNotAtAll(t *testing.T) {
	w := newWire(t)
	for name, pairs := range map[string][]string{
		"KeySpec":             {"KeySpec", "RSA_1024"},
		"RotationInterval":    {"EnableAutomaticRotation", "true", "RotationInterval", "6d"},
		"KeyUsage":            {"KeyUsage", "SIGN/VERIFY"},
		"KeyStorageMechanism": {"DKMSInstanceId", "kst-dev", "KeyStorageMechanism", "HsmInternal"},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.in(t).do("CreateKey", pairs...)
			got.refused(t, kmsapi.ErrInvalidParameter)
			require.Contains(t, got.Message, `"`+name+`"`)
		})
	}
	require.Zero(t, w.must("ListKeys").TotalCount)
	got := w.must("CreateKey", "KeySpec", "Aliyun_AES_256", "EnableAutomaticRotation", "false", "RotationInterval", "30d",
		"Tags", "[]", "DKMSInstanceId", "", "ProtectionLevel", "SOFTWARE").KeyMetadata
	require.Equal(t, "Aliyun_AES_256", got.KeySpec)
	require.Equal(t, "Disabled", got.AutomaticRotation)
}

func TestAFilterIsNotAnsweredWithAll(t *testing.T) {
	w := newWire(t)
	w.createKey()
	got := w.do("ListKeys", "Filters", `[{"Key":"State","Values":["Disabled"]}]`)
	got.refused(t, kmsapi.ErrInvalidParameter)
	require.Empty(t, got.Keys.Key)
}

func TestAPlaintextForAnEnclaveIsNotSentInTheClear(t *testing.T) {
	w := newWire(t)
	id := w.createIn()
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "cGxhaW50ZXh0").CiphertextBlob
	for _, w := range []*wire{w, w.dedicated()} {
		for _, name := range []string{"Recipient", "Recipient.AttestationDocument"} {
			for _, got := range []answer{
				w.do("Decrypt", "CiphertextBlob", blob, name, "document"),
				w.do("GenerateDataKey", "KeyId", id, name, "document"),
			} {
				got.refused(t, kmsapi.ErrInvalidParameter)
				require.Contains(t, got.Message, `"Recipient"`)
				require.NotContains(t, string(got.body), "cGxhaW50ZXh0")
			}
		}
	}
}

func TestAParameterThatNobodyPublishesIsIgnored(t *testing.T) {
	w := newWire(t)
	w.must("CreateKey", "ClientToken", "a", "x-sdk-invoke-type", "common", "keyspec", "RSA_2048")
	w.must("ListKeys", "NextToken", "a", "KeyId", "acs:kms:cn-hangzhou:654321:key/x")
}

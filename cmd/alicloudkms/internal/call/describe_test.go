package call

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestHowAnOperationIsDescribed(t *testing.T) {
	require.Equal(t, "KeyId Plaintext", Summary(kmsapi.OpEncrypt))
	require.Equal(t, "KmsInstanceId", Summary(kmsapi.OpGetKmsInstance))
	require.Equal(t, "ResourceType ResourceId.1 Tag.1.Key Tag.1.Value", Summary(kmsapi.OpTagResources))
	require.Equal(t, "Encrypt KeyId=… Plaintext=… [EncryptionContext=…] [DryRun=…]", Synopsis(kmsapi.OpEncrypt))
	require.Contains(t, Describe(kmsapi.OpTagResource), "  Tags\trequired; must look like [{")
	require.Contains(t, Describe(kmsapi.OpSetKeyPolicy), "/Kms/2016-01-20/SetKeyPolicy\n")
	require.Equal(t, []string{"KeyId=", "Plaintext=", "EncryptionContext=", "DryRun="}, ParameterNames(kmsapi.OpEncrypt))
	require.Equal(t, strings.ReplaceAll(strings.TrimSpace(`
CreateKey of API version 2016-01-20:
https://api.alibabacloud.com/document/Kms/2016-01-20/CreateKey

  Origin>Aliyun_KMS or EXTERNAL; KMS's default is Aliyun_KMS
  Description>up to 8192 characters
  KeySpec>Aliyun_AES_256, RSA_2048, RSA_3072, RSA_4096, EC_P256, EC_P256K, Aliyun_AES_128, Aliyun_AES_192, Aliyun_SM4 or EC_SM2; KMS's default is Aliyun_AES_256
  KeyUsage>ENCRYPT/DECRYPT or SIGN/VERIFY
  ProtectionLevel>SOFTWARE or HSM; KMS's default is SOFTWARE
  DKMSInstanceId>
  Policy>up to 32768 characters
  EnableAutomaticRotation>true or false
  RotationInterval>must be 7 to 730 days, as a number and one of d, h, m and s, such as 365d
  Tags>must look like [{"TagKey":"…","TagValue":"…"}]

Parameters that this version can't send: KeyStorageMechanism.
Fields of the answer, for -field: RequestId, KeyId, Arn, KeyState, KeySpec, KeyUsage, Origin,
  ProtectionLevel, Creator, CreationDate, DeleteDate, MaterialExpireTime, Description,
  PrimaryKeyVersion, LastRotationDate, AutomaticRotation, RotationInterval, NextRotationDate,
  DeletionProtection, DeletionProtectionDescription, DKMSInstanceId.
RAM permission: kms:CreateKey.
If KMS does not answer, it is not sent again, because it may have run.`), ">", "\t"), Describe(kmsapi.OpCreateKey))
}

func TestEveryOperationIsDescribedWithAllOfItsParameters(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		text := Describe(op)
		for _, rule := range kmsapi.Describe(op.NewRequest()) {
			switch rule.Support {
			case kmsapi.Served:
				require.Contains(t, text, "  "+rule.Name+"\t")
			case kmsapi.Refused:
				require.Regexp(t, `can't send: .*\b`+rule.Name+`\b`, text)
			}
		}
	}
}

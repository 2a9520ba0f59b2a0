package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// refusedWithoutSM requires that an answer, to a request or its dry run, says what to configure.
func (a answer) refusedWithoutSM(t *testing.T) {
	t.Helper()
	require.Contains(t, []kmsapi.Code{kmsapi.ErrUnsupportedOperation.Code, kmsapi.ErrValidation.Code}, a.Code)
	require.Contains(t, a.Message, kmsapi.ErrUnsupportedOperation.Message)
	require.Contains(t, a.Message, "sm = true")
	require.Contains(t, a.Message, "Aliyun_SM4")
}

func TestKeysOfSM4AreNotUsedWhileSMIsOff(t *testing.T) {
	l := newLab(t, withSM)
	id, aes := l.createSM4("Description", "kept"), l.createKey()
	i := l.newSM4Importer(kmsapi.WrapOAEPSHA256)
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	ofAES := l.must("Encrypt", "KeyId", aes, "Plaintext", "text").CiphertextBlob
	l.must("CreateSecret", "SecretName", "s", "VersionId", "1", "SecretData", "value", "EncryptionKeyId", id)
	before := l.metadata(id)
	l.setSM(false)

	l.do("CreateKey", "KeySpec", "Aliyun_SM4").refusedWithoutSM(t)
	l.do("CreateKey", "KeySpec", "Aliyun_SM4", "Origin", "EXTERNAL").refusedWithoutSM(t)
	for _, dry := range []string{"false", "true"} {
		l.do("Encrypt", "KeyId", id, "Plaintext", "text", "DryRun", dry).refusedWithoutSM(t)
		l.do("Decrypt", "CiphertextBlob", blob, "DryRun", dry).refusedWithoutSM(t)
		l.do("GenerateDataKey", "KeyId", id, "DryRun", dry).refusedWithoutSM(t)
		l.do("GenerateDataKeyWithoutPlaintext", "KeyId", id, "DryRun", dry).refusedWithoutSM(t)
		l.do("GenerateAndExportDataKey", append(toRecipient(), "KeyId", id, "DryRun", dry)...).refusedWithoutSM(t)
		l.do("ExportDataKey", append(toRecipient(), "CiphertextBlob", blob, "DryRun", dry)...).refusedWithoutSM(t)
		l.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", aes, "DryRun", dry).refusedWithoutSM(t)
		l.do("ReEncrypt", "CiphertextBlob", ofAES, "DestinationKeyId", id, "DryRun", dry).refusedWithoutSM(t)
		l.do("GetSecretValue", "SecretName", "s", "DryRun", dry).refusedWithoutSM(t)
	}
	l.do("PutSecretValue", "SecretName", "s", "VersionId", "2", "SecretData", "value").refusedWithoutSM(t)
	l.do("CreateSecret", "SecretName", "t", "VersionId", "1", "SecretData", "value", "EncryptionKeyId", id).
		refusedWithoutSM(t)
	l.do("CreateKeyVersion", "KeyId", id).refusedWithoutSM(t)
	l.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "7d").
		refusedWithoutSM(t)
	l.do("GetParametersForImport", "KeyId", i.id, "WrappingAlgorithm", i.algorithm, "WrappingKeySpec", "RSA_2048").
		refusedWithoutSM(t)
	i.try(shortMaterial).refusedWithoutSM(t)

	require.Equal(t, before, l.metadata(id))
	require.Len(t, l.must("ListKeys").Keys.Key, 3)
	l.must("ListKeyVersions", "KeyId", id)
	l.must("DisableKey", "KeyId", id)
	l.must("EnableKey", "KeyId", id)
	l.must("CreateAlias", "KeyId", id, "AliasName", "alias/a")
	l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	l.must("CancelKeyDeletion", "KeyId", id)
	l.must("DeleteKeyMaterial", "KeyId", i.id)
	l.must("DescribeSecret", "SecretName", "s")
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", ofAES).Plaintext)
	l.requireGood()

	l.setSM(true)
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	l.must("GetSecretValue", "SecretName", "s")
	i.mustTry(shortMaterial)
}

func TestAKeyOfSM4IsRotatedOnceSMIsOnAgain(t *testing.T) {
	l := newLab(t, withSM)
	rotation := []string{"EnableAutomaticRotation", "true", "RotationInterval", "7d"}
	id, aes := l.createSM4(rotation...), l.createKey(rotation...)
	require.Equal(t, kmsapi.RotationEnabled, l.metadata(id).AutomaticRotation)
	l.setSM(false)
	require.Equal(t, kmsapi.RotationSuspended, l.metadata(id).AutomaticRotation)
	l.now = l.now.Add(7 * day)
	l.sweep()
	require.Len(t, l.listed(id), 1)
	require.Len(t, l.listed(aes), 2, "it does not wait for the other")
	l.setSM(true)
	l.sweep()
	require.Len(t, l.listed(id), 2)
	require.Equal(t, kmsapi.RotationEnabled, l.metadata(id).AutomaticRotation)
	l.setSM(false)
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "false")
	require.Equal(t, kmsapi.RotationDisabled, l.metadata(id).AutomaticRotation)
}

func TestAStoreWithKeysOfSM4IsMovedWhileSMIsOff(t *testing.T) {
	l := newLab(t, withSM)
	id := l.createSM4()
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "text").CiphertextBlob
	i := l.newSM4Importer(kmsapi.WrapOAEPSHA256)
	i.mustTry(shortMaterial)
	l.must("DeleteKeyMaterial", "KeyId", i.id)
	l.close()
	l.config.SM = false
	rekeyed, _ := rekey(t, l.config, 1)
	require.Equal(t, 2, rekeyed.Keys)
	require.Equal(t, 1, rekeyed.Versions)
	report, err := server.Check(t.Context(), l.config, "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	l.config.SM = true
	l.open()
	l.now = l.now.Add(time.Second)
	require.Equal(t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	i = l.importer(i.id, kmsapi.WrapOAEPSHA256)
	i.try(otherShortMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	i.mustTry(shortMaterial)
}

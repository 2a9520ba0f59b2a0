package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// toUseSM returns requests that a service serves only with sm = true.
func (l *lab) toUseSM(signs, decrypts pair, external, aes string) map[string][]string {
	sealed := l.must("AsymmetricEncrypt", decrypts.with("Algorithm", "SM2PKE", "Plaintext", "eA==")...).CiphertextBlob
	blob := l.must("Encrypt", "KeyId", aes, "Plaintext", "eA==").CiphertextBlob
	digest := []string{"Algorithm", "SM2DSA", "Digest", aDigest}
	token, public := l.sm2Parameters(external, kmsapi.WrapSM2KeyPair)
	return map[string][]string{
		"CreateKey":         {"KeySpec", "EC_SM2"},
		"CreateKeyVersion":  {"KeyId", signs.id},
		"AsymmetricSign":    signs.with(digest...),
		"AsymmetricVerify":  signs.with(append(digest, "Value", "eA==")...),
		"AsymmetricEncrypt": decrypts.with("Algorithm", "SM2PKE", "Plaintext", "eA=="),
		"AsymmetricDecrypt": decrypts.with("Algorithm", "SM2PKE", "CiphertextBlob", sealed),
		"ReEncrypt":         append(decrypts.asymmetricSource("SM2PKE"), "CiphertextBlob", sealed, "DestinationKeyId", aes),
		"GetParametersForImport": {
			"KeyId", external, "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", "SM2PKE_SM4_ECB",
		},
		"ImportKeyMaterial": {
			"ImportToken", token, "EncryptedKeyMaterial", wrapSM2Pair(l.t, public, opensslFile("sm2.pkcs8.der")),
		},
		"ExportDataKey":            append(toSM2Recipient(), "CiphertextBlob", blob),
		"GenerateAndExportDataKey": append(toSM2Recipient(), "KeyId", aes),
	}
}

func TestSMKeysAreUsedOnlyWhileTheyAreOn(t *testing.T) {
	l := newSMLab(t)
	signs, decrypts := l.createPair("EC_SM2", ""), l.createPair("EC_SM2", "ENCRYPT/DECRYPT")
	external, aes := l.createKey("KeySpec", "EC_SM2", "Origin", "EXTERNAL"), l.createKey()
	requests := l.toUseSM(signs, decrypts, external, aes)
	public := l.must("GetPublicKey", signs.with()...).PublicKey

	l.setSM(false)
	for op, params := range requests {
		got := l.do(op, params...)
		got.refused(t, kmsapi.ErrUnsupportedOperation)
		require.Contains(t, got.Message, "EC_SM2 only with sm = true in its configuration", op)
		if kmsapi.Operation(op).Plane() != kmsapi.ControlPlane {
			dry := l.do(op, append(params, "DryRun", "true")...)
			dry.refused(t, kmsapi.ErrValidation)
			require.Contains(t, dry.Message, "sm = true", op)
		}
	}
	got := l.do("GetParametersForImport", "KeyId", l.createKey("Origin", "EXTERNAL"), "WrappingKeySpec", "EC_SM2",
		"WrappingAlgorithm", "SM2PKE")
	got.refused(t, kmsapi.ErrUnsupportedOperation)
	require.Contains(t, got.Message, "sm = true")
	require.Equal(t, kmsapi.PendingImport, l.metadata(external).KeyState)

	require.Equal(t, public, l.must("GetPublicKey", signs.with()...).PublicKey)
	require.Equal(t, "EC_SM2", l.metadata(signs.id).KeySpec)
	l.must("ListKeyVersions", "KeyId", signs.id)
	l.must("DisableKey", "KeyId", signs.id)
	l.must("EnableKey", "KeyId", signs.id)
	l.must("CreateAlias", "KeyId", signs.id, "AliasName", "alias/sm2")
	l.must("TagResource", "KeyId", signs.id, "Tags", `[{"TagKey":"a","TagValue":"b"}]`)
	l.must("DeleteKeyMaterial", "KeyId", external)
	l.must("ScheduleKeyDeletion", "KeyId", decrypts.id, "PendingWindowInDays", "7")
	l.must("CancelKeyDeletion", "KeyId", decrypts.id)
	l.requireGood()

	l.setSM(true)
	for op, params := range requests {
		l.must(op, params...)
	}
}

func TestAStoreWithSM2KeysIsRekeyedAlsoWhileTheyAreOff(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "")
	l.must("CreateKeyVersion", "KeyId", p.id)
	public := l.must("GetPublicKey", p.with()...).PublicKey
	imported := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	require.Empty(t, l.importSM2Pair(imported.id, opensslFile("sm2.pkcs8.der")).Code)
	l.must("DeleteKeyMaterial", "KeyId", imported.id)
	l.close()
	l.config.SM = false
	rekeyed, _ := rekey(t, l.config, 1)
	require.Equal(t, 2, rekeyed.Keys)
	report, err := server.Check(t.Context(), l.config, "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Equal(t, 2, report.Versions)
	l.config.SM = true
	l.open()
	l.restart()
	require.Equal(t, public, l.must("GetPublicKey", p.with()...).PublicKey)
	l.must("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", aDigest)...)
	l.importSM2Pair(imported.id, anotherSM2(t)).refused(t, kmsapi.ErrInvalidKeyMaterial)
	require.Empty(t, l.importSM2Pair(imported.id, opensslFile("sm2.pkcs8.der")).Code)
	l.requireGood()
}

func TestATokenOfAnSM2KeyIsBoundAsAnyOther(t *testing.T) {
	l := newSMLab(t)
	external := []string{"KeySpec", "EC_SM2", "Origin", "EXTERNAL"}
	one, two := l.createKey(external...), l.createKey(external...)
	token, public := l.sm2Parameters(one, kmsapi.WrapSM2KeyPair)
	wrapped := wrapSM2Pair(t, public, opensslFile("sm2.pkcs8.der"))
	l.do("ImportKeyMaterial", "KeyId", two, "ImportToken", token, "EncryptedKeyMaterial", wrapped).
		refused(t, kmsapi.ErrInvalidImportToken)
	l.do("ImportKeyMaterial", "KeyId", one, "ImportToken", token[:20]+"AAAA"+token[24:], "EncryptedKeyMaterial", wrapped).
		refused(t, kmsapi.ErrInvalidImportToken)
	l.now = l.now.Add(25 * time.Hour)
	l.do("ImportKeyMaterial", "KeyId", one, "ImportToken", token, "EncryptedKeyMaterial", wrapped).
		refused(t, kmsapi.ErrExpiredImportToken)
}

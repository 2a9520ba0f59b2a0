package kmsapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestTheUsagesOfKeySpecs(t *testing.T) {
	const sign, decrypt = kmsapi.KeyUsageSignVerify, kmsapi.KeyUsageEncryptDecrypt
	for spec, want := range map[string][]string{
		"Aliyun_AES_256": {decrypt}, "Aliyun_SM4": {decrypt}, "RSA_2048": {sign, decrypt}, "RSA_4096": {sign, decrypt},
		"EC_P256": {sign}, "EC_P256K": {sign}, "EC_SM2": {sign, decrypt}, "": nil, "RSA_1024": nil,
	} {
		require.Equal(t, want, kmsapi.KeyUsages(spec), spec)
	}
	require.False(t, kmsapi.ServesKeySpec("RSA_1024"))
	require.False(t, kmsapi.ServesKeySpec("Aliyun_AES_192"))
	require.True(t, kmsapi.ServesKeySpec("EC_SM2"))
	require.True(t, kmsapi.ServesKeySpec("EC_P256K"))
	require.False(t, kmsapi.IsAsymmetric("Aliyun_AES_256"))
	require.False(t, kmsapi.IsAsymmetric(""), "which no record has")
}

func TestTheKeysThatOperationsWorkWith(t *testing.T) {
	for op, want := range map[kmsapi.Operation][3]bool{ // AES, RSA that signs, RSA that decrypts
		kmsapi.OpDescribeKey: {true, true, true}, kmsapi.OpEncrypt: {true, false, false},
		kmsapi.OpGetPublicKey: {false, true, true}, kmsapi.OpAsymmetricSign: {false, true, false},
		kmsapi.OpAsymmetricDecrypt: {false, false, true},
	} {
		uses := op.Uses()
		require.Equal(t, want, [3]bool{
			uses.Has(kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt),
			uses.Has(kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify),
			uses.Has(kmsapi.KeySpecRSA2048, kmsapi.KeyUsageEncryptDecrypt),
		}, op)
	}
	require.False(t, kmsapi.KeyKind("?").Has(kmsapi.KeySpecAES256, kmsapi.KeyUsageEncryptDecrypt))
}

func TestEveryOperationOfTheDataPlaneSaysWhatKeysItWorksWith(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		require.Equal(t, op.Plane() != kmsapi.ControlPlane || op.KeyAction() != "", op.Uses() != kmsapi.AnyKey, op)
	}
}

func TestWhatTheServiceHasOnlyWithTheSMAlgorithms(t *testing.T) {
	for _, spec := range kmsapi.KeySpecs() {
		require.Equal(t, spec == "EC_SM2" || spec == "Aliyun_SM4", kmsapi.NeedsSM(spec), spec)
	}
	require.False(t, kmsapi.NeedsSM(""))
}

func TestTheKeyMaterialOfKeySpecs(t *testing.T) {
	const rsa, sm2 = kmsapi.WrappingKeySpecRSA2048, kmsapi.WrappingKeySpecSM2
	type wraps = map[string]string
	symmetric := wraps{"RSAES_PKCS1_V1_5": rsa, "RSAES_OAEP_SHA_1": rsa, "RSAES_OAEP_SHA_256": rsa, "SM2PKE": sm2}
	pair := wraps{"RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD": rsa}
	for spec, want := range map[string]struct {
		size  int
		wraps wraps
	}{
		"Aliyun_AES_256": {32, symmetric}, "Aliyun_SM4": {16, symmetric}, "RSA_3072": {0, pair}, "EC_P256K": {0, pair},
		"EC_SM2": {0, wraps{"SM2PKE_SM4_ECB": sm2}}, "": {0, wraps{}},
	} {
		require.Equal(t, want.size, kmsapi.MaterialSize(spec), spec)
		got := wraps{}
		for _, algorithm := range kmsapi.WrappingAlgorithms(spec) {
			got[algorithm] = kmsapi.WrappingKeySpec(algorithm)
		}
		require.Equal(t, want.wraps, got, spec)
	}
}

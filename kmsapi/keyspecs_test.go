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
	require.False(t, kmsapi.ServesKeySpec("EC_SM2"))
	require.False(t, kmsapi.ServesKeySpec("RSA_1024"))
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

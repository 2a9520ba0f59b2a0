package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestPublishedOperationsThatAreNotServedAreUnsupported(t *testing.T) {
	w := newWire(t)
	for _, name := range []string{
		"BatchGetSecretValue", "ConnectKmsInstance", "CreateCertificate", "ImportCertificate",
		"CertificatePrivateKeySign", "GenerateMac", "DescribeService",
	} {
		got := w.do(name)
		got.refused(t, kmsapi.ErrUnsupportedOperation)
		require.Equal(t, http.StatusBadRequest, got.status, "clients take any 404 for a resource that is gone")
		require.Equal(t, "This action is not supported.", got.Message)
	}
	for _, name := range []string{"MakeCoffee", "createkey", "Encrypt ", "ListKeyPolicies"} {
		w.do(name).refused(t, kmsapi.ErrActionNotFound)
	}
}

func TestKeySpecsThatAreNotServedAreUnsupportedAlsoInAnInstance(t *testing.T) {
	w := newWire(t)
	for _, spec := range []string{"Aliyun_AES_128", "Aliyun_AES_192", "Aliyun_SM4", "EC_SM2"} {
		for _, instance := range []string{"", w.kms.Instance.ID} {
			for _, origin := range []string{"Aliyun_KMS", "EXTERNAL"} {
				got := w.do("CreateKey", "KeySpec", spec, "DKMSInstanceId", instance, "Origin", origin)
				got.refused(t, kmsapi.ErrUnsupportedOperation)
				require.Contains(t, got.Message, spec)
			}
		}
	}
	require.Zero(t, w.must("ListKeys").TotalCount)
}

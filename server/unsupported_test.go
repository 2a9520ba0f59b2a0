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
		"DescribeSecret", "ReEncrypt", "CreateCertificate", "ImportCertificate",
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

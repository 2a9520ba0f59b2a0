package vaultkey_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

func TestOpenBaosVariablesAreTakenAsVaults(t *testing.T) {
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://vault", "VAULT_NAMESPACE": "team", "VAULT_TOKEN": "", "VAULT_EMPTY": "x",
	} {
		t.Setenv(name, value)
	}
	require.NoError(t, vaultkey.AdoptOpenBao([]string{
		"BAO_ADDR=http://bao", "BAO_TOKEN=a=b", "BAO_EMPTY=", "OTHER_BAO_ADDR=no", "BAOBAB=no",
	}))
	for name, want := range map[string]string{
		"VAULT_ADDR": "http://bao", "VAULT_NAMESPACE": "team", "VAULT_TOKEN": "a=b", "VAULT_EMPTY": "", "VAULT_BAB": "",
	} {
		require.Equal(t, want, os.Getenv(name), name)
	}
}

func TestWithoutAnAnswerTheAddressIsNamed(t *testing.T) {
	address := "http://" + heldport.For(t) // so that no other server answers
	t.Setenv("VAULT_ADDR", address)
	client, err := vaultkey.NewClient()
	require.NoError(t, err)
	client.SetMaxRetries(0)
	_, err = client.Logical().Read("kms/keys/k8s")
	err = vaultkey.Explain("kms/keys/k8s", err)
	require.ErrorContains(t, err, "no answer from Vault at "+address+" (VAULT_ADDR): dial tcp ")
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestARefusalIsOneLine(t *testing.T) {
	said := &api.ResponseError{StatusCode: 403, Errors: []string{"2 errors occurred:\n\t* denied\n\t* bad\n\n", "x"}}
	require.EqualError(t, vaultkey.Explain("kms/keys/k8s", said),
		"Vault refused kms/keys/k8s (HTTP 403): 2 errors occurred: * denied * bad ; x")
}

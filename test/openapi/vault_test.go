package openapi

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

const (
	plugin  = "vault-plugin-secrets-alicloudkms"
	version = "v0.2.0-openapi"
)

// startVault starts the Vault of VAULT_BIN with the engine mounted, until the test ends.
func startVault(t *testing.T) *vault.Server {
	t.Helper()
	program := os.Getenv("VAULT_BIN")
	if program == "" {
		const why = "no Vault to test on: set VAULT_BIN to a Vault binary, or run make test"
		if os.Getenv("ALICLOUDKMS_REQUIRE_VAULT") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	dir, err := os.MkdirTemp("", "openapi-") // t.TempDir has the name of the test, which is too long.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	file := filepath.Join(dir, "plugins", plugin)
	require.NoError(t, servers.Build(t.Context(), "../..", plugin, file, version))
	v, err := vault.StartSingle(t.Context(), program, dir, vault.Plugin{Name: plugin, File: file, Version: version})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Stop()) })
	require.NoError(t, v.Client.Sys().MountWithContext(t.Context(), mount, &api.MountInput{Type: plugin}))
	return v
}

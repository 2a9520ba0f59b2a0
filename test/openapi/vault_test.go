package openapi

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

const plugin = "vault-plugin-secrets-alicloudkms"

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
	// The path of a plugin's socket is limited to 104 bytes, and t.TempDir has the name of the test.
	dir, err := os.MkdirTemp("", "openapi-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	file := build(t, dir)
	v := &vault.Server{
		Program: program, Dir: filepath.Join(dir, "vault"), Home: filepath.Join(dir, "h"), Address: servers.AnyPort,
	}
	v.Config = func() string { return config(v, filepath.Dir(file)) }
	require.NoError(t, v.MakeFolders())
	require.NoError(t, v.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, v.Stop()) })
	_, err = v.Initialize(t.Context(), &api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(t, err)
	require.NoError(t, v.Register(t.Context(), plugin, file, version))
	require.NoError(t, v.Client.Sys().MountWithContext(t.Context(), mount, &api.MountInput{Type: plugin}))
	return v
}

const version = "v0.1.0-openapi"

// build makes the plugin in a folder that holds nothing else.
func build(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "plugins", plugin)
	const module = "github.com/alicloudkms/vault-plugin-secrets-alicloudkms"
	out, err := exec.CommandContext(t.Context(), "go", "build", "-C", "../..", "-buildvcs=false",
		"-ldflags", "-X "+module+".Version="+version, "-o", file, "./cmd/"+plugin).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

func config(v *vault.Server, plugins string) string {
	return fmt.Sprintf(`
storage "raft" {
  path    = %q
  node_id = "openapi"
}
listener "tcp" {
  address     = %q
  tls_disable = true
}
api_addr         = "http://127.0.0.1:1"
cluster_addr     = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock    = true
`, v.Storage(), v.Address, plugins)
}

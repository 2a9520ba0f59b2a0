package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const goodConfig = `
default_region = "cn-shanghai"
regions        = ["cn-shanghai", "cn-beijing"]

listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "tls.pem"
  tls_key_file  = "tls.key"
}
storage  { path = "kms.db" }
root_key { file = "root.key" }

account "1000000000000001" {
  access_key "LTAIone" { secret_file = "one" }
  access_key "LTAItwo" {
    secret   = "two"
    inactive = true
  }
}
audit  { file = "audit.log" }
limits {
  timestamp_window  = "5m"
  max_request_bytes = 100000
  max_nonces        = 1000
}
`

func writeConfig(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "kms.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEveryFieldOfAConfigurationIsRead(t *testing.T) {
	c, err := server.LoadConfig(writeConfig(t, goodConfig))
	require.NoError(t, err)
	require.Equal(t, server.Config{
		DefaultRegion: "cn-shanghai", Regions: []string{"cn-shanghai", "cn-beijing"},
		Listener: server.Listener{Address: "127.0.0.1:0", TLSCertFile: "tls.pem", TLSKeyFile: "tls.key"},
		Storage:  server.StorageConfig{Path: "kms.db"},
		RootKey:  server.RootKeyConfig{File: "root.key"},
		Accounts: []server.Account{{ID: "1000000000000001", AccessKeys: []server.AccessKey{
			{ID: "LTAIone", SecretFile: "one"}, {ID: "LTAItwo", Secret: "two", Inactive: true},
		}}},
		Audit:  &server.AuditConfig{File: "audit.log"},
		Limits: &server.Limits{TimestampWindow: "5m", MaxRequestBytes: 100000, MaxNonces: 1000},
	}, c)
}

func TestAWrongConfigurationIsRefusedWithWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, old, changed, want string }{
		{"an unknown field", `address `, `adress `, `kms.hcl:6`},
		{"an unknown block", `audit  {`, `audits {`, `audits`},
		{"a region that does not exist", `"cn-beijing"`, `"mars-north-1"`, `mars-north-1`},
		{"a default region that is not served", `default_region = "cn-shanghai"`, `default_region = "cn-qingdao"`, `default_region`},
		{"an address without a port", `127.0.0.1:0`, `127.0.0.1`, `host:port`},
		{"a certificate without its key", `tls_key_file`, `#`, `tls_cert_file and tls_key_file`},
		{"TLS and plain HTTP", `tls_key_file `, "plain_http = true\ntls_key_file ", `plain_http`},
		{"an account that is not a number", `"1000000000000001"`, `"acme"`, `number`},
		{"an access key with two secrets", `secret   =`, "secret_file = \"x\"\nsecret   =", `secret_file or secret`},
		{"an access key twice", `LTAItwo`, `LTAIone`, `twice`},
		{"a window that is no duration", `"5m"`, `"five"`, `timestamp_window`},
		{"a negative limit", `= 1000`, `= -1`, `limits`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := strings.Replace(goodConfig, tc.old, tc.changed, 1)
			require.NotEqual(t, goodConfig, changed)
			_, err := server.LoadConfig(writeConfig(t, changed))
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), `"two"`, "no secret in an error")
		})
	}
	_, err := server.LoadConfig(filepath.Join(t.TempDir(), "none.hcl"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// devConfig is a configuration that works, for tests that spoil a part of it.
func devConfig(t *testing.T) (server.Config, string) {
	dir := t.TempDir()
	dev, err := server.NewDev(dir, "127.0.0.1:0")
	require.NoError(t, err)
	return dev.Config, dir
}

func TestAServiceDoesNotStartOnWhatIsUnsafe(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(t *testing.T, c *server.Config, dir string)
		want  string
	}{
		{"a root key that others can read", func(t *testing.T, c *server.Config, _ string) {
			require.NoError(t, os.Chmod(c.RootKey.File, 0o644))
		}, "root.key"},
		{"a secret file that others can read", func(t *testing.T, _ *server.Config, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "access-key-secret"), 0o640))
		}, "chmod 600"},
		{"no root key", func(t *testing.T, c *server.Config, _ string) {
			require.NoError(t, os.Remove(c.RootKey.File))
		}, "root.key"},
		{"another root key than the store's", func(t *testing.T, c *server.Config, _ string) {
			first, err := server.Start(*c, server.Options{})
			require.NoError(t, err)
			require.NoError(t, first.Close())
			other, _ := devConfig(t)
			c.RootKey = other.RootKey
		}, "another root key"},
		{"a store that another process has open", func(t *testing.T, c *server.Config, _ string) {
			first, err := server.Start(*c, server.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = first.Close() })
		}, "kms.db"},
		{"a port that is taken", func(t *testing.T, c *server.Config, _ string) {
			other, _ := devConfig(t)
			first, err := server.Start(other, server.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = first.Close() })
			c.Listener.Address = first.Address()
		}, "in use"},
		{"no certificate", func(t *testing.T, c *server.Config, _ string) {
			require.NoError(t, os.Remove(c.Listener.TLSCertFile))
		}, "tls.pem"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, dir := devConfig(t)
			tc.spoil(t, &c, dir)
			_, err := server.Start(c, server.Options{})
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestADevelopmentServiceListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.168.1.1:0", "example.com:0", "127.0.0.1"} {
		_, err := server.NewDev(t.TempDir(), address)
		require.Error(t, err, address)
	}
}

func TestADevelopmentServiceKeepsItsCredentials(t *testing.T) {
	dir := t.TempDir()
	first, err := server.NewDev(dir, "127.0.0.1:0")
	require.NoError(t, err)
	ca, err := os.ReadFile(first.CAFile)
	require.NoError(t, err)
	second, err := server.NewDev(dir, "[::1]:0")
	require.NoError(t, err)
	require.Equal(t, first.AccessKeyID, second.AccessKeyID)
	require.Equal(t, first.AccessKeySecret.Reveal(), second.AccessKeySecret.Reveal())
	again, err := os.ReadFile(second.CAFile)
	require.NoError(t, err)
	require.Equal(t, ca, again)
}

package server_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// wholeConfig returns a configuration file with a value in every field.
func wholeConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("internal/config/testdata/whole.hcl")
	require.NoError(t, err)
	return string(text)
}

func writeConfig(t *testing.T, text string) string {
	dir, err := os.MkdirTemp("", "kms-") // Its path must be short enough for a socket.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "kms.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEveryFieldOfAConfigurationIsRead(t *testing.T) {
	t.Chdir(filepath.Dir(writeConfig(t, wholeConfig(t))))
	c, err := server.LoadConfig("kms.hcl")
	require.NoError(t, err)
	requireFields(t, server.Config{
		DefaultRegion: "cn-shanghai", Regions: []string{"cn-shanghai", "cn-beijing"},
		Listener: server.Listener{
			Address: "127.0.0.1:0", TLSCertFile: "tls.pem", TLSKeyFile: "tls.key", TLSMaxVersion: "1.2",
		},
		Storage: server.StorageConfig{Path: "kms.db"},
		RootKey: server.RootKeyConfig{File: "root.key"},
		Accounts: []server.Account{{ID: "1000000000000001", AccessKeys: []server.AccessKey{
			{ID: "LTAIone", SecretFile: "one"},
			{ID: "LTAItwo", Secret: "two", Inactive: true, Allow: []server.Allow{
				{Actions: []string{"kms:Encrypt", "kms:Describe*"}, Resources: []string{"acs:kms:cn-shanghai:*:key/*"}},
			}},
			{ID: "STS.three", Secret: "three", SecurityTokenFile: "token", Expires: "2030-12-31T23:59:59Z"},
			{ID: "STS.four", Secret: "four", SecurityToken: "fourth"},
		}}},
		StrictDefaultKeys: true,
		Instances: []server.Instance{{
			ID: "kst-shh1", Kind: server.KindHardware, Account: "1000000000000001", Region: "cn-beijing", Default: true,
			InternetAccess: new(bool), Image: "2.3.0", Spec: 2000, Status: "Connecting", CACertFile: "ca.pem",
			Listener: server.Listener{Address: "127.0.0.1:0", PlainHTTP: true},
		}},
		Audit: &server.AuditConfig{File: "audit.log"},
		Limits: &server.Limits{
			TimestampWindow: "5m", MaxRequestBytes: 100000, MaxNonces: 1000, MaxConnections: 50,
			MaxUnauthenticatedPerAddress: new(int),
		},
		Quotas:     &server.Quotas{Keys: 10, Aliases: -1},
		RateLimits: &server.RateLimits{Crypto: 1, CreateKey: 2, Write: 3, Read: 4, ListTags: -1, Instances: 5},
		Rotation:   &server.Rotation{MinVersionInterval: "1h", MinInterval: "90m", MaxInterval: "36500d"},
		Ops:        &server.OpsConfig{Address: "127.0.0.1:9180", HealthAddress: "0.0.0.0:9181", Socket: "kms.sock"},
	}, c)
}

// requireFields requires that two configurations have the same exported fields. The files that they come from may
// differ.
func requireFields(t *testing.T, want, got server.Config) {
	t.Helper()
	expected, actual := reflect.ValueOf(want), reflect.ValueOf(got)
	for i := range expected.NumField() {
		if field := expected.Type().Field(i); field.IsExported() {
			require.Equal(t, expected.Field(i).Interface(), actual.Field(i).Interface(), field.Name)
		}
	}
}

// devConfig returns a valid configuration, for tests that break part of it, and its folder.
func devConfig(t *testing.T) (server.Config, string) {
	dir := t.TempDir()
	dev, err := server.NewDevConfig(dir, "127.0.0.1:0")
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
		{"a root key other than the store's", func(t *testing.T, c *server.Config, _ string) {
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
		{"an instance's port that is taken", func(t *testing.T, c *server.Config, _ string) {
			other, _ := devConfig(t)
			first, err := server.Start(other, server.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = first.Close() })
			c.Instances[0].Listener.Address = first.InstanceAddress("kst-dev")
		}, `instance "kst-dev": listen`},
		{"an instance without its certificate", func(t *testing.T, c *server.Config, _ string) {
			require.NoError(t, os.Remove(c.Instances[0].Listener.TLSCertFile))
		}, `instance "kst-dev": listener`},
		{"an instance without its CA", func(t *testing.T, c *server.Config, _ string) {
			require.NoError(t, os.Remove(c.Instances[0].CACertFile))
		}, `instance "kst-dev": ca_cert_file: open`},
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
		_, err := server.NewDevConfig(t.TempDir(), address)
		require.Error(t, err, address)
	}
}

func TestADevelopmentServiceKeepsItsCredentials(t *testing.T) {
	dir := t.TempDir()
	first, err := server.NewDevConfig(dir, "127.0.0.1:0")
	require.NoError(t, err)
	ca, err := os.ReadFile(first.CAFile)
	require.NoError(t, err)
	second, err := server.NewDevConfig(dir, "[::1]:0")
	require.NoError(t, err)
	require.Equal(t, first.AccessKeyID, second.AccessKeyID)
	require.Equal(t, first.AccessKeySecret.Reveal(), second.AccessKeySecret.Reveal())
	again, err := os.ReadFile(second.CAFile)
	require.NoError(t, err)
	require.Equal(t, ca, again)
}

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
strict_default_keys = true

default_region = "cn-shanghai"
regions        = ["cn-shanghai", "cn-beijing"]

listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "tls.pem"
  tls_key_file  = "tls.key"

  tls_max_version = "1.2"
}
storage  { path = "kms.db" }
root_key { file = "root.key" }

account "1000000000000001" {
  access_key "LTAIone" { secret_file = "one" }
  access_key "LTAItwo" {
    secret   = "two"
    inactive = true
    allow {
      actions   = ["kms:Encrypt", "kms:Describe*"]
      resources = ["acs:kms:cn-shanghai:*:key/*"]
    }
  }
  access_key "STS.three" {
    secret              = "three"
    security_token_file = "token"
    expires             = "2030-12-31T23:59:59Z"
  }
  access_key "STS.four" {
    secret         = "four"
    security_token = "fourth"
  }
}
instance "kst-shh1" {
  kind            = "hardware"
  account         = "1000000000000001"
  region          = "cn-beijing"
  default         = true
  internet_access = false
  image           = "2.3.0"
  spec            = 2000
  status          = "Connecting"
  ca_cert_file    = "ca.pem"
  listener {
    address    = "127.0.0.1:0"
    plain_http = true
  }
}
audit  { file = "audit.log" }
limits {
  timestamp_window  = "5m"
  max_request_bytes = 100000
  max_nonces        = 1000
  max_connections   = 50
  max_unauthenticated_per_address = 0
}
quotas {
  keys    = 10
  aliases = -1
}
rate_limits {
  crypto     = 1
  create_key = 2
  write      = 3
  read       = 4
  list_tags  = -1
  instances  = 5
}
operations {
  address = "127.0.0.1:9180"
  socket  = "kms.sock"
}
`

func writeConfig(t *testing.T, text string) string {
	dir, err := os.MkdirTemp("", "kms-") // Its name is short, since that of a socket in it must be.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "kms.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEveryFieldOfAConfigurationIsRead(t *testing.T) {
	t.Chdir(filepath.Dir(writeConfig(t, goodConfig)))
	c, err := server.LoadConfig("kms.hcl")
	require.NoError(t, err)
	require.Equal(t, server.Config{
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
		Ops:        &server.OpsConfig{Address: "127.0.0.1:9180", Socket: "kms.sock"},
	}, c)
}

func TestAWrongConfigurationIsRefusedWithWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ name, old, changed, want string }{
		{"an unknown field", `address `, `adress `, `kms.hcl:8`},
		{"an unknown block", `audit  {`, `audits {`, `audits`},
		{"a region that does not exist", `"cn-beijing"`, `"mars-north-1"`, `"mars-north-1" is not in the API reference; the`},
		{
			"a misspelled region", `"cn-beijing"`, `"cn-bejing"`,
			`region "cn-bejing" is not in the API reference; did you mean "cn-beijing"? The regions are ap-northeast-1,`,
		},
		{
			"a default region that is not served", `default_region = "cn-shanghai"`, `default_region = "cn-qingdao"`,
			`default_region "cn-qingdao" is not among regions; the regions are cn-shanghai, cn-beijing`,
		},
		{"an address without a port", `127.0.0.1:0`, `127.0.0.1`, `host:port`},
		{"a certificate without its key", `tls_key_file`, `#`, `tls_cert_file and tls_key_file`},
		{"a version of TLS that is too old", `"1.2"`, `"1.1"`, `tls_max_version`},
		{"TLS and plain HTTP", `tls_key_file `, "plain_http = true\ntls_key_file ", `plain_http`},
		{"an account that is not a number", `"1000000000000001"`, `"acme"`, `number`},
		{"an access key with two secrets", `secret   =`, "secret_file = \"x\"\nsecret   =", `secret_file or secret`},
		{"an access key twice", `LTAItwo`, `LTAIone`, `twice`},
		{"an access key that ends with a line break", `LTAItwo`, `LTAItwo\n`, `white space at an end`},
		{"an access key with a tab inside", `LTAItwo`, `LTAI\ttwo`, `control character inside`},
		{"a window that is no duration", `"5m"`, `"five"`, `timestamp_window`},
		{"a negative limit", `= 1000`, `= -1`, `limits`},
		{"a negative number of strangers", `per_address = 0`, `per_address = -1`, `limits`},
		{"an action that does not exist", `"kms:Encrypt"`, `"kms:Encypt"`, `kms:Encypt`},
		{"an action of another service", `"kms:Encrypt"`, `"ecs:*"`, `ecs:*`},
		{"a resource of another service", `acs:kms:cn-shanghai`, `acs:ecs:cn-shanghai`, `acs:ecs`},
		{"a resource with parts left out", `acs:kms:cn-shanghai:*:key/*`, `acs:kms:*`, `acs:kms:*`},
		{"a resource that is a key id", `acs:kms:cn-shanghai:*:key/*`, `08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4`, `08c33a6f`},
		{"an allow block without resources", `["acs:kms:cn-shanghai:*:key/*"]`, `[]`, `at least one`},
		{"a time that is none", `"2030-12-31T23:59:59Z"`, `"tomorrow"`, `tomorrow`},
		{
			"an end for an access key without a token", `security_token = "fourth"`, `expires = "2030-12-31T23:59:59Z"`,
			`inactive`,
		},
		{"two tokens", `security_token_file`, "security_token = \"x\"\nsecurity_token_file", `not both`},
		{"an instance whose id is not one", `"kst-shh1"`, `"shh1"`, `kst-hzz`},
		{"an instance of a kind that does not exist", `"hardware"`, `"firmware"`, `firmware`},
		{"an instance of an account that does not exist", `account         = "1`, `account         = "2`, `not defined`},
		{
			"an instance in a misspelled region", `region          = "cn-beijing"`, `region = "cn-beijin"`,
			`region "cn-beijin" is not among regions; did you mean "cn-beijing"? The regions are cn-shanghai, cn-beijing`,
		},
		{"an image that is not a version", `"2.3.0"`, `"latest"`, `latest`},
		{"an instance with a negative spec", `= 2000`, `= -1`, `spec`},
		{"a status that does not exist", `"Connecting"`, `"Confused"`, `Confused`},
		{"a listener of an instance without TLS", `plain_http = true`, ``, `instance "kst-shh1": listener`},
		{
			"an instance twice", `audit  {`,
			"instance \"kst-shh1\" {\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {", `twice`,
		},
		{
			"two default instances", `audit  {`, "instance \"kst-shh2\" {\nregion = \"cn-beijing\"\ndefault = true\n" +
				"listener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {", `default instance`,
		},
		{"a quota below -1", `aliases = -1`, `aliases = -2`, `aliases`},
		{"a rate below -1", `list_tags  = -1`, `list_tags  = -5`, `list_tags`},
		{"an operations address that others can reach", `127.0.0.1:9180`, `0.0.0.0:9180`, `loopback`},
		{"a socket whose path is too long", `kms.sock`, strings.Repeat("x", 200), `too long`},
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
		}, `instance "kst-dev": open`},
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

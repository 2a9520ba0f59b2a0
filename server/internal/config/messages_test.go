package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
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
rotation {
  min_version_interval = "1h"
  min_interval         = "90m"
  max_interval         = "36500d"
}
`

// load loads a configuration file, and returns the error without the file's folder.
func load(t *testing.T, text string) (config.Config, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms-") // Its name is short, since that of a socket in it must be.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "kms.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := config.Load(path)
	if err == nil {
		return c, ""
	}
	return c, strings.ReplaceAll(err.Error(), dir+"/", "")
}

func regionIDs() string { return strings.Join(kmsapi.RegionIDs(), ", ") }

// TestWhatAWrongConfigurationIsRefusedWith has the whole text of every fault that is found without opening another
// file: the situation, the change that leads to it, and what the operator reads.
func TestWhatAWrongConfigurationIsRefusedWith(t *testing.T) {
	for _, tc := range []struct{ name, old, changed, want string }{
		{
			"an unknown field", `address `, `adress `,
			`kms.hcl:7: Missing required argument; The argument "address" is required, but no definition was found.` + "\n" +
				`kms.hcl:8: Unsupported argument; An argument named "adress" is not expected here. Did you mean "address"?`,
		},
		{
			"an unknown block", `audit  {`, `audits {`,
			`kms.hcl:52: Unsupported block type; Blocks of type "audits" are not expected here. Did you mean "audit"?`,
		},
		{
			"a region that does not exist", `"cn-beijing"`, `"mars-north-1"`,
			`kms.hcl:5: regions: "mars-north-1" is not in the API reference; the regions are ` + regionIDs(),
		},
		{
			"a default region that is not served", `default_region = "cn-shanghai"`, `default_region = "cn-qingdao"`,
			`kms.hcl:4: default_region: "cn-qingdao" is not among regions; the regions are cn-shanghai, cn-beijing`,
		},
		{
			"an address without a port", `127.0.0.1:0`, `127.0.0.1`,
			`kms.hcl:8: listener: address: "127.0.0.1" is not host:port, such as "127.0.0.1:8443"`,
		},
		{
			"a certificate without its key", `tls_key_file`, `#`,
			`kms.hcl:9: listener: tls_cert_file: it needs tls_key_file too`,
		},
		{
			"a version of TLS that is too old", `"1.2"`, `"1.1"`,
			`kms.hcl:12: listener: tls_max_version: "1.1" is not "1.2"; leave it out for the newest`,
		},
		{
			"TLS and plain HTTP", `tls_key_file `, "plain_http = true\ntls_key_file ",
			`kms.hcl:10: listener: plain_http: plain HTTP and TLS files exclude each other`,
		},
		{
			"an account that is not a number", `"1000000000000001"`, `"acme"`,
			`kms.hcl:17: account "acme": an account's id is a number, such as "1000000000000001"` + "\n" +
				`kms.hcl:39: instance "kst-shh1": account: there is no block for account "1000000000000001"`,
		},
		{
			"an access key with two secrets", `secret   =`, "secret_file = \"x\"\nsecret   =",
			`kms.hcl:21: account "1000000000000001": access_key "LTAItwo": secret: give secret_file or secret, not both`,
		},
		{
			"an access key twice", `LTAItwo`, `LTAIone`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAIone": it is defined twice, first in line 18`,
		},
		{
			"an access key that ends with a line break", `LTAItwo`, `LTAItwo\n`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAItwo\n": its id has white space at an end, or a control character inside`,
		},
		{
			"an access key with a tab inside", `LTAItwo`, `LTAI\ttwo`,
			`kms.hcl:19: account "1000000000000001": access_key "LTAI\ttwo": its id has white space at an end, or a control character inside`,
		},
		{
			"a window that is no duration", `"5m"`, `"five"`,
			`kms.hcl:54: limits: timestamp_window: "five" is not a duration from 1s to 24h, such as "15m"`,
		},
		{
			"a negative limit", `= 1000`, `= -1`,
			`kms.hcl:55: limits: max_request_bytes: -100 is negative`,
		},
		{
			"a negative number of strangers", `per_address = 0`, `per_address = -1`,
			`kms.hcl:58: limits: max_unauthenticated_per_address: -1 is negative`,
		},
		{
			"an interval that is none", `"90m"`, `"1h30m"`,
			`kms.hcl:78: rotation: min_interval: "1h30m" is not an interval from 1s to 36500d, such as "7d"`,
		},
		{
			"an interval of nothing", `"90m"`, `"0s"`,
			`kms.hcl:78: rotation: min_interval: "0s" is not an interval from 1s to 36500d, such as "7d"`,
		},
		{
			"an interval of centuries", `"1h"`, `"36501d"`,
			`kms.hcl:77: rotation: min_version_interval: "36501d" is not an interval from 0d to 36500d, such as "7d"`,
		},
		{
			"intervals that exclude each other", `"36500d"`, `"1h"`,
			`kms.hcl:78: rotation: min_interval: 90m is more than max_interval, which is 1h`,
		},
		{
			"an interval above the default of the longest", `"90m"` + "\n  max_interval         = \"36500d\"", `"731d"`,
			`kms.hcl:78: rotation: min_interval: 731d is more than max_interval, which is 730d`,
		},
		{
			"an action that does not exist", `"kms:Encrypt"`, `"kms:Encypt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "kms:Encypt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"an action of another service", `"kms:Encrypt"`, `"ecs:*"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "ecs:*" is not an action of this service; they look like "kms:Encrypt"`,
		},
		{
			"a resource of another service", `acs:kms:cn-shanghai`, `acs:ecs:cn-shanghai`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "acs:ecs:cn-shanghai:*:key/*" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"a resource with parts left out", `acs:kms:cn-shanghai:*:key/*`, `acs:kms:*`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "acs:kms:*" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"a resource that is a key id", `acs:kms:cn-shanghai:*:key/*`, `08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4" is not a resource of this service; they look like "acs:kms:cn-hangzhou:1000000000000001:key/*"`,
		},
		{
			"an allow block without resources", `["acs:kms:cn-shanghai:*:key/*"]`, `[]`,
			`kms.hcl:24: account "1000000000000001": access_key "LTAItwo": allow: resources: give at least one, such as "*"`,
		},
		{
			"a time that is none", `"2030-12-31T23:59:59Z"`, `"tomorrow"`,
			`kms.hcl:30: account "1000000000000001": access_key "STS.three": expires: "tomorrow" is not a time such as "2030-12-31T23:59:59Z"`,
		},
		{
			"an end for an access key without a token", `security_token = "fourth"`, `expires = "2030-12-31T23:59:59Z"`,
			`kms.hcl:34: account "1000000000000001": access_key "STS.four": expires: it is for access keys with a security_token; use inactive = true to turn this one off`,
		},
		{
			"two tokens", `security_token_file`, "security_token = \"x\"\nsecurity_token_file",
			`kms.hcl:29: account "1000000000000001": access_key "STS.three": security_token: give security_token_file or security_token, not both`,
		},
		{
			"an instance whose id is not one", `"kst-shh1"`, `"shh1"`,
			`kms.hcl:37: instance "shh1": its id does not look like "kst-hzz62f1cb66fa42qo7p3x", with at least three letters`,
		},
		{
			"an instance of a kind that does not exist", `"hardware"`, `"firmware"`,
			`kms.hcl:38: instance "kst-shh1": kind: "firmware" is neither "software" nor "hardware"`,
		},
		{
			"an instance of an account that does not exist", `account         = "1`, `account         = "2`,
			`kms.hcl:39: instance "kst-shh1": account: there is no block for account "2000000000000001"`,
		},
		{
			"an instance in a region that is not served", `region          = "cn-beijing"`, `region = "cn-qingdao"`,
			`kms.hcl:40: instance "kst-shh1": region: "cn-qingdao" is not among regions; the regions are cn-shanghai, cn-beijing`,
		},
		{
			"an image that is not a version", `"2.3.0"`, `"latest"`,
			`kms.hcl:43: instance "kst-shh1": image: "latest" is not a version such as "3.2.0"`,
		},
		{
			"an instance with a negative spec", `= 2000`, `= -1`,
			`kms.hcl:44: instance "kst-shh1": spec: -1 is negative`,
		},
		{
			"a status that does not exist", `"Connecting"`, `"Confused"`,
			`kms.hcl:45: instance "kst-shh1": status: "Confused" is not one of [Uninitialized Connecting Connected Disconnected Error]`,
		},
		{
			"a listener of an instance without TLS", `plain_http = true`, ``,
			`kms.hcl:47: instance "kst-shh1": listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear`,
		},
		{
			"an instance twice", `audit  {`, "instance \"kst-shh1\" {\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {",
			`kms.hcl:52: instance "kst-shh1": it is defined twice, first in line 37`,
		},
		{
			"two default instances", `audit  {`,
			"instance \"kst-shh2\" {\nregion = \"cn-beijing\"\ndefault = true\nlistener {\naddress = \":1\"\nplain_http = true\n}\n}\naudit  {",
			`kms.hcl:54: instance "kst-shh2": default: account "1000000000000001" already has a default instance in cn-beijing`,
		},
		{
			"a quota below -1", `aliases = -1`, `aliases = -2`,
			`kms.hcl:62: quotas: aliases: -2 is below -1; give a number, 0 for the default or -1 for no limit`,
		},
		{
			"a rate below -1", `list_tags  = -1`, `list_tags  = -5`,
			`kms.hcl:69: rate_limits: list_tags: -5 is below -1; give a number, 0 for the default or -1 for no limit`,
		},
		{
			"an operations address that others can reach", `127.0.0.1:9180`, `0.0.0.0:9180`,
			`kms.hcl:73: operations: address: "0.0.0.0:9180": this may listen on loopback only`,
		},
		{
			"a socket whose path is too long", `kms.sock`, strings.Repeat("x", 200),
			`kms.hcl:74: operations: socket: ` + strings.Repeat("x", 200) +
				` is too long for the path of a socket; set one of at most 86 bytes`,
		},
		{
			"a block that is not closed", `audit  {`, `audit  {{`,
			`kms.hcl:52: Argument or block definition required; An argument or block definition is required here.`,
		},
		{
			"a block that is left out", `storage  { path = "kms.db" }`, ``,
			`kms.hcl:1: Missing storage block; A storage block is required.`,
		},
		{
			"a field that is left out", `address       = "127.0.0.1:0"`, ``,
			`kms.hcl:7: Missing required argument; The argument "address" is required, but no definition was found.`,
		},
		{
			"a number that is text", `spec            = 2000`, `spec = "many"`,
			`kms.hcl:44: Unsuitable value type; Unsuitable value: a number is required`,
		},
		{
			"a name without quotation marks", `"one"`, `one`,
			`kms.hcl:18: Variables not allowed; Variables may not be used here.` + "\n" +
				`kms.hcl:18: Unsuitable value type; Unsuitable value: value must be known`,
		},
		{
			"a secret with a variable in it", `"two"`, `"two${x}"`,
			`kms.hcl:20: Variables not allowed; Variables may not be used here.` + "\n" +
				`kms.hcl:20: Unsuitable value type; Unsuitable value: value must be known`,
		},
		{
			"a region that is misspelt", `"cn-beijing"]`, `"cn-beijng"]`,
			`kms.hcl:5: regions: "cn-beijng" is not in the API reference; did you mean "cn-beijing"? The regions are ` + regionIDs(),
		},
		{
			"a default region that is misspelt", `default_region = "cn-shanghai"`, `default_region = "cn-shangai"`,
			`kms.hcl:4: default_region: "cn-shangai" is not in the API reference; did you mean "cn-shanghai"? The regions are ` + regionIDs(),
		},
		{
			"a region in a list of several lines", `["cn-shanghai", "cn-beijing"]`, "[\n\"cn-shanghai\",\n\"mars\",\n]",
			`kms.hcl:7: regions: "mars" is not in the API reference; the regions are ` + regionIDs(),
		},
		{
			"an action without its service", `"kms:Encrypt"`, `"Encrypt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "Encrypt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"an action that is misspelt", `"kms:Encrypt"`, `"kms:Encrpyt"`,
			`kms.hcl:23: account "1000000000000001": access_key "LTAItwo": allow: actions: "kms:Encrpyt" is not an action of this service; did you mean "kms:Encrypt"?`,
		},
		{
			"a port that does not exist", `127.0.0.1:0`, `127.0.0.1:99999`,
			`kms.hcl:8: listener: address: "127.0.0.1:99999" is not host:port, such as "127.0.0.1:8443"`,
		},
		{
			"an account twice", `instance "kst`, "account \"1000000000000001\" {}\ninstance \"kst",
			`kms.hcl:37: account "1000000000000001": it is defined twice, first in line 17`,
		},
		{
			"a block that is misspelt", `account "1000000000000001"`, `accont "1000000000000001"`,
			`kms.hcl:17: Unsupported block type; Blocks of type "accont" are not expected here. Did you mean "account"?`,
		},
		{
			"a key without its certificate", `tls_cert_file =`, `#`,
			`kms.hcl:10: listener: tls_key_file: it needs tls_cert_file too`,
		},
		{
			"no TLS, and not plain HTTP", "  tls_cert_file = \"tls.pem\"\n  tls_key_file  = \"tls.key\"\n", ``,
			`kms.hcl:7: listener: give tls_cert_file and tls_key_file, or plain_http = true to serve plaintexts in clear`,
		},
		{
			"an access key without a secret", `{ secret_file = "one" }`, `{}`,
			`kms.hcl:18: account "1000000000000001": access_key "LTAIone": it has no secret; give secret_file, or secret`,
		},
		{
			"an access key without an id", `"LTAIone"`, `""`,
			`kms.hcl:18: account "1000000000000001": access_key: its id is empty`,
		},
		{
			"a field that resembles none", `"two"`, "12\nfoo = 1",
			`kms.hcl:21: Unsupported argument; An argument named "foo" is not expected here.`,
		},
		{
			"an operations address without a port", `127.0.0.1:9180`, `9180`,
			`kms.hcl:73: operations: address: "9180" is not host:port, such as "127.0.0.1:9180"`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := strings.Replace(goodConfig, tc.old, tc.changed, 1)
			require.NotEqual(t, goodConfig, changed)
			_, got := load(t, changed)
			require.Equal(t, tc.want, got)
			require.NotContains(t, got, `"two"`, "no secret in an error")
		})
	}
}

func TestAConfigurationWithoutFaultsIsGood(t *testing.T) {
	c, fault := load(t, goodConfig)
	require.Empty(t, fault)
	require.Equal(t, "kms.hcl", filepath.Base(c.File()))
}

func TestAConfigurationFileThatIsNotThere(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.hcl"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAllFaultsAreFoundAtOnceInTheOrderOfTheirLines(t *testing.T) {
	_, got := load(t, strings.NewReplacer(`"5m"`, `"five"`, `"hardware"`, `"firmware"`, `127.0.0.1:0`, `nowhere`).
		Replace(goodConfig))
	require.Equal(t, `kms.hcl:8: listener: address: "nowhere" is not host:port, such as "127.0.0.1:8443"
kms.hcl:38: instance "kst-shh1": kind: "firmware" is neither "software" nor "hardware"
kms.hcl:48: instance "kst-shh1": listener: address: "nowhere" is not host:port, such as "127.0.0.1:8443"
kms.hcl:54: limits: timestamp_window: "five" is not a duration from 1s to 24h, such as "15m"`, got)
}

func TestAFileOfAnotherKindFillsNoTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"\x00bolt":                       "kms.hcl: it is not a text file, and so no configuration",
		"caf\xe9":                        "kms.hcl: it is not a text file, and so no configuration",
		strings.Repeat("#\n", 4<<20):     "kms.hcl: it is not a text file, and so no configuration",
		strings.Repeat("export '\n", 90): "\nkms.hcl: and ",
	} {
		_, got := load(t, text)
		require.Contains(t, got, want)
		require.LessOrEqual(t, strings.Count(got, "\n"), 20)
	}
}

func TestFaultsOfAConfigurationWithoutAFileNameTheirParts(t *testing.T) {
	key := config.AccessKey{ID: "LTAIone", Secret: "x"}
	c := config.Config{
		Listener: config.Listener{Address: "127.0.0.1:0", PlainHTTP: true},
		Accounts: []config.Account{{ID: "1", AccessKeys: []config.AccessKey{key, key}}},
	}
	require.EqualError(t, c.Validate(), `account "1": access_key "LTAIone": it is defined twice`)
	require.Empty(t, c.File())
}

// What can be read of a file with faults is, so that a service can be found and asked to reload it.
func TestAFileWithFaultsIsReadAsFarAsPossible(t *testing.T) {
	for _, spoilt := range []string{
		strings.Replace(goodConfig, "address ", "adress ", 1),
		strings.Replace(goodConfig, `"5m"`, `"five"`, 1),
		goodConfig + "audit {",
		strings.Replace(goodConfig, `"5m"`, `"5m`, 1),
		"storage = {{\n" + goodConfig,
	} {
		c, fault := load(t, spoilt)
		require.NotEmpty(t, fault)
		require.Equal(t, filepath.Join(filepath.Dir(c.File()), "kms.sock"), c.SocketPath())
	}
	c, _ := load(t, "listener }\nstorage{path=\"/x/kms.db\"}\noperations {}")
	require.Equal(t, "/x/kms.db.sock", c.SocketPath())
	for _, text := range []string{"listener {", "operations", "operations {", "storage { path =", "\"", ""} {
		c, _ := load(t, text)
		require.Empty(t, c.Storage.Path)
	}
}

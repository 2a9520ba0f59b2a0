package config_test

import (
	_ "embed"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

//go:embed testdata/node.hcl
var nodeConfig string

func TestANodeOfAClusterHasItsSettings(t *testing.T) {
	c, fault := load(t, nodeConfig)
	require.Empty(t, fault)
	ttl, err := c.Etcd.TTL()
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, ttl)
	skew, err := c.Cluster.Skew()
	require.NoError(t, err)
	require.Equal(t, 500*time.Millisecond, skew)
	require.Equal(t, "kms/prod/", c.Etcd.KeyPrefix())
	require.True(t, c.Etcd.HasTLS())
	require.Empty(t, c.Storage.Path)
}

func TestTheSettingsOfANodeHaveDefaults(t *testing.T) {
	e, n := config.Etcd{Endpoints: []string{"http://127.0.0.1:2379"}}, config.Cluster{}
	ttl, err := e.TTL()
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, ttl)
	skew, err := n.Skew()
	require.NoError(t, err)
	require.Equal(t, time.Second, skew)
	require.Equal(t, "alicloudkms/", e.KeyPrefix())
	require.False(t, e.HasTLS())
}

func TestWhatIsSaidOfAStoreThatIsWrong(t *testing.T) {
	requireFaults(t, []fault{
		{
			"no store", `storage  { path = "kms.db" }`, ``,
			`kms.hcl: there is no store; add: storage { path = "…" }, or etcd { … } for a service on several machines`,
		},
		{
			"a store without a path", `path = "kms.db"`, `path = ""`,
			`kms.hcl: there is no store; add: storage { path = "…" }, or etcd { … } for a service on several machines`,
		},
		{
			"nodes without etcd", `audit  {`,
			"cluster {\naddress = \"10.0.0.1:1\"\nca_file = \"a\"\ncert_file = \"b\"\nkey_file = \"c\"\n}\naudit  {",
			`kms.hcl:52: cluster: it is for a service on etcd; give an etcd block in place of storage, or leave it out`,
		},
	})
	requireFaultsOf(t, nodeConfig, []fault{
		{
			"two stores", "root_key {", "storage { path = \"kms.db\" }\nroot_key {",
			`kms.hcl:8: etcd: give storage or etcd, not both`,
		},
		{
			"etcd without a cluster",
			"cluster {\n  address        = \"10.0.0.1:8444\"\n  ca_file        = \"nodes-ca.pem\"\n" +
				"  cert_file      = \"node.pem\"\n  key_file       = \"node.key\"\n  max_clock_skew = \"500ms\"\n}\n", "",
			`kms.hcl:8: etcd: it needs a cluster block too, by which the nodes reach each other`,
		},
		{
			"etcd without a socket for operations", `  socket  = "kms.sock"`, ``,
			`kms.hcl:29: operations: socket: a service on etcd needs it: there is no storage path to derive it from`,
		},
		{
			"etcd without operations", "operations {\n  address = \"127.0.0.1:9180\"\n  socket  = \"kms.sock\"\n}\n", ``,
			`kms.hcl: operations: socket: a service on etcd needs it: there is no storage path to derive it from`,
		},
	})
}

func TestWhatIsSaidOfAnEtcdThatIsWrong(t *testing.T) {
	const endpoints = `"https://etcd1.internal:2379", "https://etcd2.internal:2379"`
	const notAURL = ` is not a URL such as "https://etcd1.internal:2379"`
	requireFaultsOf(t, nodeConfig, []fault{
		{
			"no endpoint", endpoints, ``,
			`kms.hcl:9: etcd: endpoints: give at least one, such as "https://etcd1.internal:2379"`,
		},
		{
			"an endpoint without a scheme", `"https://etcd2.internal:2379"`, `"etcd2.internal:2379"`,
			`kms.hcl:9: etcd: endpoints: "etcd2.internal:2379"` + notAURL,
		},
		{
			"an endpoint without a port", `"https://etcd2.internal:2379"`, `"https://etcd2.internal"`,
			`kms.hcl:9: etcd: endpoints: "https://etcd2.internal"` + notAURL,
		},
		{
			"an endpoint with a path", `"https://etcd2.internal:2379"`, `"https://etcd2.internal:2379/kms"`,
			`kms.hcl:9: etcd: endpoints: "https://etcd2.internal:2379/kms"` + notAURL,
		},
		{
			"an endpoint with a password", `"https://etcd2.internal:2379"`, "\n" + `"https://kms:hunter2@etcd2.internal:2379"`,
			`kms.hcl:10: etcd: endpoints: "…@etcd2.internal:2379"` + notAURL,
		},
		{
			"plain HTTP on the network", endpoints, `"http://etcd1.internal:2379"`,
			`kms.hcl:9: etcd: endpoints: "http://etcd1.internal:2379" is not on loopback, so it needs https: keys must not cross the network in clear` +
				"\nkms.hcl:9: etcd: endpoints: ca_file, cert_file and key_file are for endpoints with https",
		},
		{
			"endpoints of two kinds", `"https://etcd2.internal:2379"`, `"http://127.0.0.1:2379"`,
			`kms.hcl:9: etcd: endpoints: "http://127.0.0.1:2379" differs from the first one in http and https`,
		},
		{
			"a prefix that ends amid a name", `"kms/prod/"`, `"kms"`,
			`kms.hcl:10: etcd: prefix: "kms" does not look like "alicloudkms/", with a slash at its end and at most 256 bytes`,
		},
		{
			"a lease that is too short", `"2s"`, `"1s"`,
			`kms.hcl:11: etcd: lease: "1s" is not a duration from 2s to 1m0s in whole seconds, such as "5s"`,
		},
		{
			"a lease that etcd would round", `"2s"`, `"2500ms"`,
			`kms.hcl:11: etcd: lease: "2500ms" is not a duration from 2s to 1m0s in whole seconds, such as "5s"`,
		},
		{
			"a lease that is no duration", `"2s"`, `"2"`,
			`kms.hcl:11: etcd: lease: "2" is not a duration from 2s to 1m0s in whole seconds, such as "5s"`,
		},
		{
			"no CA", `  ca_file       = "etcd-ca.pem"`, ``,
			`kms.hcl:8: etcd: ca_file: https needs it: the CA of etcd's own certificates`,
		},
		{
			"a certificate without its key", `  key_file      = "etcd.key"`, ``,
			`kms.hcl:13: etcd: cert_file: it needs key_file too`,
		},
		{
			"a key without its certificate", `  cert_file     = "etcd.pem"`, ``,
			`kms.hcl:14: etcd: key_file: it needs cert_file too`,
		},
		{
			"a user without a password", `  password_file = "etcd.password"`, ``,
			`kms.hcl:15: etcd: username: it needs password_file too`,
		},
		{
			"a password without a user", `  username      = "kms"`, ``,
			`kms.hcl:16: etcd: password_file: it needs username too`,
		},
	})
}

func TestWhatIsSaidOfAClusterThatIsWrong(t *testing.T) {
	requireFaultsOf(t, nodeConfig, []fault{
		{
			"an address without a port", `10.0.0.1:8444`, `10.0.0.1`,
			`kms.hcl:19: cluster: address: "10.0.0.1" is not host:port, such as "10.0.0.1:8444"`,
		},
		{
			"an address that nobody can connect to", `10.0.0.1:8444`, `0.0.0.0:8444`,
			`kms.hcl:19: cluster: address: "0.0.0.0:8444": the other nodes connect to it, so it must be an address of this machine`,
		},
		{
			"an address without a host", `10.0.0.1:8444`, `:8444`,
			`kms.hcl:19: cluster: address: ":8444": the other nodes connect to it, so it must be an address of this machine`,
		},
		{"an empty name of a file", `"node.key"`, `""`, `kms.hcl:22: cluster: key_file: it is empty`},
		{
			"a skew that is none", `"500ms"`, `"0s"`,
			`kms.hcl:23: cluster: max_clock_skew: "0s" is not a duration from 50ms to 1m0s, such as "1s"`,
		},
		{
			"a skew that is no duration", `"500ms"`, `"half"`,
			`kms.hcl:23: cluster: max_clock_skew: "half" is not a duration from 50ms to 1m0s, such as "1s"`,
		},
	})
}

package setup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// adding returns the options that add nodes to a cluster that was just made.
func adding(made setup.MadeCluster, nodes ...string) setup.AddOptions {
	return setup.AddOptions{Dir: made.Dir, From: made.Nodes[0].Dir, Nodes: nodes, Now: time.Now()}
}

func TestAnAddedNodeIsLikeTheOthersButForItsAddressAndCertificates(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{
		Options: setup.Options{Hosts: []string{"kms.example.com"}}, Cluster: "prod",
	})
	one := made.Nodes[0].Dir
	for _, name := range []string{"etcd-ca.pem", "etcd.pem", "etcd.key"} {
		require.NoError(t, os.WriteFile(filepath.Join(one, name), []byte(name), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(one, "audit.log"), []byte("a request\n"), 0o600))
	config := filepath.Join(one, "server.hcl")
	changed := strings.Replace(read(t, one)["server.hcl"], "# One line for each request.",
		"quotas { keys = 7 } # Ours.\naccount \"2\" {\n  access_key \"LTAI2\" { secret_file = \"secrets/two\" }\n}\n#", 1)
	require.NoError(t, os.WriteFile(config, []byte(changed), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(one, "secrets"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(one, "secrets", "two"), []byte("two"), 0o600))

	added, err := setup.AddNodes(adding(made, "node-3=10.0.0.3", "node-4=10.0.0.4:9444"))
	require.NoError(t, err)
	require.Equal(t, []string{"prod", "node-1"}, []string{added.Cluster, added.From})
	require.Empty(t, added.Elsewhere)
	require.Len(t, added.Nodes, 2)
	node := added.Nodes[1]
	require.Equal(t, []string{"kms.example.com", "10.0.0.4", "localhost", "127.0.0.1", "::1"}, node.Hosts)
	require.False(t, node.NeedsEtcdFiles)
	c, err := server.LoadConfig(node.ConfigFile)
	require.NoError(t, err)
	require.Equal(t, "10.0.0.4:9444", c.Cluster.Address)

	require.NoError(t, os.RemoveAll(filepath.Join(one, "secrets")))
	copied, err := os.ReadFile(filepath.Join(node.Dir, "secrets", "two"))
	require.NoError(t, err)
	require.Equal(t, "two", string(copied))
	require.NoError(t, os.RemoveAll(filepath.Join(node.Dir, "secrets")))
	from, files := read(t, one), read(t, node.Dir)
	require.NoError(t, accepts(t, files, "10.0.0.4", time.Now()))
	require.Error(t, accepts(t, files, "10.0.0.1", time.Now()))
	identity := identify(t, files, from["nodes-ca.pem"])
	require.Equal(t, []string{"prod", "node-4"}, []string{identity.Cluster, identity.Node})
	require.Equal(t, strings.Replace(from["server.hcl"], "10.0.0.1:8444", "10.0.0.4:9444", 1), files["server.hcl"])
	require.NotContains(t, files, "audit.log")
	delete(from, "audit.log")
	for _, own := range []string{"server.hcl", "tls.pem", "tls.key", "node.pem", "node.key"} {
		require.NotEqual(t, from[own], files[own], own)
		delete(from, own)
		delete(files, own)
	}
	require.Equal(t, from, files)
	for name, mode := range listing(t, node.Dir) {
		if strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".secret") {
			require.EqualValues(t, 0o600, mode.Perm(), name)
		}
	}
}

// All that is left of a cluster may be the folder of one machine, and the CA keys in a safe place.
func TestALostNodeIsMadeAgainFromTheFolderOfAnother(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	safe := newDir(t)
	require.NoError(t, os.Mkdir(safe, 0o700))
	for _, key := range []string{"ca.key", "nodes-ca.key"} {
		require.NoError(t, os.Rename(filepath.Join(made.Dir, key), filepath.Join(safe, key)))
	}
	o := adding(made, "node-2=kms2.example.com:9444")
	o.Dir, o.CAKeyFile, o.Hosts = newDir(t), filepath.Join(safe, "ca.key"), []string{"lb.example.com"}
	added, err := setup.AddNodes(o)
	require.NoError(t, err)
	node := added.Nodes[0]
	require.Equal(t, filepath.Join(o.Dir, "node-2"), node.Dir)
	require.Equal(t, "lb.example.com", node.Hosts[0])
	require.True(t, node.NeedsEtcdFiles, "init has made no files for etcd to copy of")
	lost, files := read(t, made.Nodes[1].Dir), read(t, node.Dir)
	require.Equal(t, lost["server.hcl"], files["server.hcl"])
	require.Equal(t, "node-2", identify(t, files, lost["nodes-ca.pem"]).Node)
}

func TestFilesElsewhereAreNamed(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	one := made.Nodes[0].Dir
	moved := filepath.Join(newDir(t), "root.key")
	config := strings.Replace(read(t, one)["server.hcl"], `"root.key"`, `"`+moved+`"`, 1)
	require.NoError(t, os.WriteFile(filepath.Join(one, "server.hcl"), []byte(config), 0o600))
	added, err := setup.AddNodes(adding(made, "c=10.0.0.3"))
	require.NoError(t, err)
	require.Equal(t, []string{moved}, added.Elsewhere)
	require.NotContains(t, read(t, added.Nodes[0].Dir), "root.key")
}

func TestANodeThatCannotBeAddedLeavesNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, made setup.MadeCluster, o *setup.AddOptions)
		want  string
	}{
		"no node": {func(_ *testing.T, _ setup.MadeCluster, o *setup.AddOptions) { o.Nodes = nil }, `node "": give one for`},
		"the name of the one it is like": {func(_ *testing.T, _ setup.MadeCluster, o *setup.AddOptions) {
			o.Nodes = []string{"node-1=10.0.0.3"}
		}, `node "node-1=10.0.0.3": another node has this name or this address`},
		"a folder that is there": {func(_ *testing.T, _ setup.MadeCluster, o *setup.AddOptions) {
			o.Nodes = []string{"c=10.0.0.3", "node-2=10.0.0.2"}
		}, "node-2: file exists"},
		"a name that leads elsewhere": {func(_ *testing.T, _ setup.MadeCluster, o *setup.AddOptions) {
			o.Nodes = []string{"../c=10.0.0.3"}
		}, "a name has letters"},
		"a host that is none": {func(_ *testing.T, _ setup.MadeCluster, o *setup.AddOptions) {
			o.Hosts = []string{"a b"}
		}, `host "a b"`},
		"no key of the nodes' CA": {func(t *testing.T, made setup.MadeCluster, _ *setup.AddOptions) {
			require.NoError(t, os.Remove(filepath.Join(made.Dir, "nodes-ca.key")))
		}, "nodes-ca.key: no such file or directory; if it was moved, name it with -nodes-ca-key"},
		"a service on one machine": {func(t *testing.T, _ setup.MadeCluster, o *setup.AddOptions) {
			o.From = initialize(t, setup.Options{}).Dir
		}, "server.hcl is not the configuration of a node: it has no cluster block"},
		"a certificate in another place": {func(t *testing.T, made setup.MadeCluster, _ *setup.AddOptions) {
			config := strings.Replace(read(t, made.Nodes[0].Dir)["server.hcl"], `"tls.pem"`, `"/etc/tls.pem"`, 1)
			require.NoError(t, os.WriteFile(made.Nodes[0].ConfigFile, []byte(config), 0o600))
		}, "listener.tls_cert_file is not tls.pem"},
		"no root key": {func(t *testing.T, made setup.MadeCluster, _ *setup.AddOptions) {
			require.NoError(t, os.Remove(filepath.Join(made.Nodes[0].Dir, "root.key")))
		}, "root.key: no such file or directory"},
		"a root key that is a link to elsewhere": {func(t *testing.T, made setup.MadeCluster, _ *setup.AddOptions) {
			path := filepath.Join(made.Nodes[0].Dir, "root.key")
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.Symlink("/etc/hostname", path))
		}, "path escapes from parent"},
	} {
		t.Run(name, func(t *testing.T) {
			made := initializeCluster(t, setup.ClusterOptions{})
			o := adding(made, "c=10.0.0.3")
			tc.spoil(t, made, &o)
			before := listing(t, made.Dir)
			_, err := setup.AddNodes(o)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, before, listing(t, made.Dir))
		})
	}
}

package setup_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

var twoNodes = []string{"node-1=10.0.0.1", "node-2=kms2.example.com:9444"}

// initializeCluster makes a cluster, and fails the test if it can't.
func initializeCluster(t *testing.T, o setup.ClusterOptions) setup.MadeCluster {
	t.Helper()
	o.Dir, o.Now = newDir(t), time.Now()
	if o.Nodes == nil {
		o.Nodes = twoNodes
	}
	if o.Etcd == nil {
		o.Etcd = []string{"https://10.0.0.9:2379"}
	}
	made, err := setup.InitCluster(o)
	require.NoError(t, err)
	return made
}

func TestEachNodeHasAWholeConfigurationAndItsOwnName(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{Options: setup.Options{Hosts: []string{"kms.example.com"}}})
	require.Equal(t, "kms.example.com:8443", made.Endpoint)
	for i, want := range []struct{ name, peers, host string }{
		{"node-1", "10.0.0.1:8444", "10.0.0.1"}, {"node-2", "kms2.example.com:9444", "kms2.example.com"},
	} {
		node := made.Nodes[i]
		c, err := server.LoadConfig(node.ConfigFile)
		require.NoError(t, err)
		require.Equal(t, want.peers, c.Cluster.Address)
		require.Equal(t, ":8443", c.Listener.Address)
		require.Equal(t, []string{"https://10.0.0.9:2379"}, c.Etcd.Endpoints)
		require.Equal(t, filepath.Join(node.Dir, "etcd.key"), c.Etcd.KeyFile)

		files := read(t, node.Dir)
		for _, host := range []string{"kms.example.com", want.host, "localhost"} {
			require.NoError(t, accepts(t, files, host, time.Now()), host)
		}
		identity := identify(t, files, files["nodes-ca.pem"])
		require.Equal(t, []string{"kms", want.name}, []string{identity.Cluster, identity.Node})
		for name, mode := range listing(t, node.Dir) {
			if strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".secret") {
				require.Equal(t, fs.FileMode(0o600), mode, name)
			}
		}
		require.NotContains(t, files, "nodes-ca.key")
		require.NotContains(t, files, "ca.key")
	}
}

// identify parses the certificate of a node as its peers do.
func identify(t *testing.T, files map[string]string, ca string) *peers.Identity {
	t.Helper()
	i, err := peers.ParseIdentity([]byte(files["node.pem"]), []byte(files["node.key"]), []byte(ca), time.Now())
	require.NoError(t, err)
	return i
}

func TestNodesShareTheRootKeyAndNoOtherKey(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	one, other := read(t, made.Nodes[0].Dir), read(t, made.Nodes[1].Dir)
	for _, shared := range []string{"root.key", "ca.pem", "nodes-ca.pem", "admin.secret"} {
		require.Equal(t, one[shared], other[shared], shared)
	}
	for _, own := range []string{"tls.key", "tls.pem", "node.key", "node.pem"} {
		require.NotEqual(t, one[own], other[own], own)
	}
}

func TestANodeOfAnotherClusterIsRefused(t *testing.T) {
	here, elsewhere := initializeCluster(t, setup.ClusterOptions{}), initializeCluster(t, setup.ClusterOptions{})
	node, stranger := read(t, here.Nodes[0].Dir), read(t, elsewhere.Nodes[0].Dir)
	for name, ca := range map[string]string{"another cluster": stranger["nodes-ca.pem"], "clients": node["ca.pem"]} {
		_, err := peers.ParseIdentity([]byte(node["node.pem"]), []byte(node["node.key"]), []byte(ca), time.Now())
		require.Error(t, err, name)
	}
}

func TestEtcdOnLoopbackNeedsNoCertificates(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{
		Nodes: []string{"a=127.0.0.1"}, Etcd: []string{"http://127.0.0.1:2379", "http://127.0.0.1:2381"}, Cluster: "dev",
	})
	require.False(t, made.Nodes[0].NeedsEtcdFiles)
	c, err := server.LoadConfig(made.Nodes[0].ConfigFile)
	require.NoError(t, err)
	require.Len(t, c.Etcd.Endpoints, 2)
	require.Equal(t, "127.0.0.1:8443", c.Listener.Address)
	files := read(t, made.Nodes[0].Dir)
	require.Equal(t, "dev", identify(t, files, files["nodes-ca.pem"]).Cluster)
}

func TestANodesCertificateForClientsIsRenewedInItsFolder(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	node := made.Nodes[0]
	later := time.Now().Add(24 * time.Hour)
	renewed, err := setup.Renew(setup.RenewOptions{
		Dir: node.Dir, CAKeyFile: filepath.Join(made.Dir, "ca.key"), Now: later,
	})
	require.NoError(t, err)
	require.Equal(t, node.ConfigFile, renewed.ConfigFile)
	require.ElementsMatch(t, node.Hosts, renewed.Hosts)
	require.True(t, renewed.Expires.After(node.Expires))
}

func TestAClusterThatCanNotBeMadeLeavesNothing(t *testing.T) {
	etcd := []string{"https://10.0.0.9:2379"}
	for want, o := range map[string]setup.ClusterOptions{
		`etcd "": nodes need the URLs`:                  {Nodes: twoNodes},
		`etcd "http://10.0.0.9:2379": it is not on`:     {Etcd: []string{"http://10.0.0.9:2379"}, Nodes: twoNodes},
		`etcd "…@10.0.0.9": it is not a URL`:            {Etcd: []string{"https://a:b@10.0.0.9"}, Nodes: twoNodes},
		`node "": give one for each machine`:            {Etcd: etcd},
		`node "10.0.0.1": give NAME=HOST`:               {Etcd: etcd, Nodes: []string{"10.0.0.1"}},
		`node "a=b c": give NAME=HOST`:                  {Etcd: etcd, Nodes: []string{"a=b c"}},
		`node "a=10.0.0.2": another node has this name`: {Etcd: etcd, Nodes: []string{"a=10.0.0.1", "a=10.0.0.2"}},
		`node "b=10.0.0.1": another node has this name`: {Etcd: etcd, Nodes: []string{"a=10.0.0.1", "b=10.0.0.1"}},
		`node "../a=10.0.0.1": a name has letters`:      {Etcd: etcd, Nodes: []string{"../a=10.0.0.1"}},
		`cluster "a b": a name has letters`:             {Etcd: etcd, Nodes: twoNodes, Cluster: "a b"},
		`host "https://kms": give the host alone`: {
			Etcd: etcd, Nodes: twoNodes, Options: setup.Options{Hosts: []string{"https://kms"}},
		},
		"ca.pem: file exists":              {Etcd: etcd, Nodes: []string{"a=10.0.0.1", "ca.pem=10.0.0.2"}},
		`"10.0.0.1:none" is not host:port`: {Etcd: etcd, Nodes: []string{"a=10.0.0.1:none"}},
		`is too long for the socket in it`: {Etcd: etcd, Nodes: []string{strings.Repeat("a", 62) + "=10.0.0.1"}},
	} {
		o.Dir, o.Now = newDir(t), time.Now()
		_, err := setup.InitCluster(o)
		require.ErrorContains(t, err, want)
		_, err = os.Lstat(o.Dir)
		require.ErrorIs(t, err, fs.ErrNotExist, want)
	}
}

// written returns the lines of a configuration without comments.
func written(config string) (lines []string) {
	for line := range strings.Lines(config) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, strings.Join(fields, " "))
		}
	}
	return lines
}

func TestTheConfigurationInTheManualIsWhatInitWrites(t *testing.T) {
	page, err := os.ReadFile("../../docs/cluster.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), "### The configuration of a node\n")
	require.True(t, found)
	_, after, _ = strings.Cut(after, "```hcl\n")
	shown, _, _ := strings.Cut(after, "```")
	made := initializeCluster(t, setup.ClusterOptions{
		Options: setup.Options{Hosts: []string{"kms.example.com"}}, Nodes: []string{"a=10.0.0.1"},
		Etcd: []string{"https://etcd1.internal:2379", "https://etcd2.internal:2379", "https://etcd3.internal:2379"},
	})
	config := read(t, made.Nodes[0].Dir)["server.hcl"]
	require.Equal(t, written(strings.Replace(shown, "LTAI5t…", made.AccessKeyID, 1)), written(config))
}

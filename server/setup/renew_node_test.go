package setup_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// identityAt verifies the certificate of a node as a peer that trusts ca does at a time.
func identityAt(t *testing.T, files map[string]string, ca string, at time.Time) error {
	t.Helper()
	_, err := peers.ParseIdentity([]byte(files["node.pem"]), []byte(files["node.key"]), []byte(ca), at)
	return err
}

func TestARenewedNodeAndOneThatIsNotYetBelieveEachOther(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	dir := made.Nodes[0].Dir
	before := read(t, dir)
	end := certificate(t, before["nodes-ca.pem"]).NotAfter
	now := end.Add(-24 * time.Hour)
	renewed, err := setup.Renew(setup.RenewOptions{Dir: dir, CAKeyFile: filepath.Join(made.Dir, "ca.key"), Now: now})
	require.NoError(t, err)
	require.Equal(t, &setup.RenewedNode{
		Name: "node-1", Cluster: "kms", CertificateFile: filepath.Join(dir, "node.pem"),
		CAFile: filepath.Join(dir, "nodes-ca.pem"), Before: end, Expires: now.AddDate(10, 0, 0).Truncate(time.Second).UTC(),
	}, renewed.Node)

	after := read(t, dir)
	require.NoError(t, identityAt(t, after, before["nodes-ca.pem"], now), "by one that has the old CA")
	require.NoError(t, identityAt(t, before, after["nodes-ca.pem"], now), "by one that has the new CA")
	later := end.Add(time.Hour)
	require.Error(t, identityAt(t, before, before["nodes-ca.pem"], later))
	require.NoError(t, identityAt(t, after, after["nodes-ca.pem"], later))
	for _, replaced := range []string{"tls.pem", "node.pem", "nodes-ca.pem"} {
		require.NotEqual(t, before[replaced], after[replaced], replaced)
		delete(before, replaced)
		delete(after, replaced)
	}
	require.Equal(t, before, after, "nothing else has changed, and nothing is left")
}

func TestAllNodesOfAClusterAreRenewedInItsFolder(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{Options: setup.Options{Hosts: []string{"kms.example.com"}}})
	now := time.Now().Add(year)
	renewed, err := setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: now})
	require.NoError(t, err)
	ca, err := os.ReadFile(filepath.Join(made.Dir, "nodes-ca.pem"))
	require.NoError(t, err)
	require.Len(t, renewed.Nodes, 2)
	for i, n := range renewed.Nodes {
		require.ElementsMatch(t, made.Nodes[i].Hosts, n.Hosts)
		files := read(t, made.Nodes[i].Dir)
		require.NoError(t, accepts(t, files, "kms.example.com", made.Nodes[i].Expires.Add(time.Hour)))
		require.Equal(t, string(ca), files["nodes-ca.pem"], "one CA for all")
		require.NoError(t, identityAt(t, files, string(ca), now.Add(9*year)))
	}

	_, err = setup.Renew(setup.RenewOptions{Dir: made.Dir, Hosts: []string{"kms.example.com"}, Now: now})
	require.ErrorContains(t, err, `host "kms.example.com": each node has its own; give it with the folder of one`)
	for _, n := range made.Nodes {
		require.NoError(t, os.RemoveAll(n.Dir))
	}
	_, err = setup.Renew(setup.RenewOptions{Dir: made.Dir, Now: now})
	require.ErrorContains(t, err, "has no node's folder any longer; name the CA's key with -ca-key")
}

func TestACertificateOfANodeStaysWithoutTheKeyOfItsCA(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	dir, moved := made.Nodes[0].Dir, filepath.Join(made.Dir, "moved.key")
	key := filepath.Join(made.Dir, "nodes-ca.key")
	require.NoError(t, os.Rename(key, moved))
	before := read(t, dir)
	o := setup.RenewOptions{Dir: dir, CAKeyFile: filepath.Join(made.Dir, "ca.key"), Now: time.Now()}
	renewed, err := setup.Renew(o)
	require.NoError(t, err)
	require.Equal(t, key, renewed.Node.MissingKeyFile)
	require.Equal(t, certificate(t, before["node.pem"]).NotAfter, renewed.Node.Expires)
	after := read(t, dir)
	require.Equal(t, before["node.pem"], after["node.pem"])
	require.NotEqual(t, before["tls.pem"], after["tls.pem"])

	// A site whose certificates for clients come from another CA has only the key of the nodes' CA.
	o.CAKeyFile, o.NodesCAKeyFile = "", moved
	renewed, err = setup.Renew(o)
	require.NoError(t, err)
	require.Empty(t, renewed.CertificateFile)
	require.Equal(t, filepath.Join(dir, "node.pem"), renewed.Node.CertificateFile)
	require.Equal(t, after["tls.pem"], read(t, dir)["tls.pem"])
}

func TestACAOfNodesThatIsNotItsOwnStays(t *testing.T) {
	made := initializeCluster(t, setup.ClusterOptions{})
	dir := made.Nodes[0].Dir
	path := filepath.Join(dir, "nodes-ca.pem")
	other := read(t, initializeCluster(t, setup.ClusterOptions{}).Nodes[0].Dir)
	bundle := read(t, dir)["nodes-ca.pem"] + other["nodes-ca.pem"]
	require.NoError(t, os.WriteFile(path, []byte(bundle), 0o600))
	end := certificate(t, bundle).NotAfter
	o := setup.RenewOptions{Dir: dir, CAKeyFile: filepath.Join(made.Dir, "ca.key"), Now: end.Add(-time.Hour)}
	renewed, err := setup.Renew(o)
	require.NoError(t, err)
	require.Empty(t, renewed.Node.CAFile)
	require.Equal(t, end, renewed.Node.Expires, "it does not outlive its CA")
	require.Equal(t, bundle, read(t, dir)["nodes-ca.pem"])
}

func TestANodeThatCannotBeRenewedIsLeftAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, made setup.MadeCluster, o *setup.RenewOptions)
		want  string
	}{
		"a key that was named is not there": {func(_ *testing.T, made setup.MadeCluster, o *setup.RenewOptions) {
			o.NodesCAKeyFile = filepath.Join(made.Dir, "none.key")
		}, "none.key: no such file or directory; if it was moved, name it with -nodes-ca-key"},
		"the key of another cluster's CA": {func(t *testing.T, _ setup.MadeCluster, o *setup.RenewOptions) {
			o.NodesCAKeyFile = filepath.Join(initializeCluster(t, setup.ClusterOptions{}).Dir, "nodes-ca.key")
		}, "is not the key of "},
		"the certificate of another cluster": {func(t *testing.T, made setup.MadeCluster, _ *setup.RenewOptions) {
			other := read(t, initializeCluster(t, setup.ClusterOptions{}).Nodes[0].Dir)["node.pem"]
			require.NoError(t, os.WriteFile(filepath.Join(made.Nodes[0].Dir, "node.pem"), []byte(other), 0o600))
		}, "node.pem was not signed by "},
		"a certificate without the name of a node": {func(t *testing.T, made setup.MadeCluster, _ *setup.RenewOptions) {
			dir := made.Nodes[0].Dir
			require.NoError(t, os.WriteFile(filepath.Join(dir, "node.pem"), []byte(read(t, dir)["tls.pem"]), 0o600))
		}, "node.pem: the certificate has 0 URIs in its subjectAltName"},
	} {
		t.Run(name, func(t *testing.T) {
			made := initializeCluster(t, setup.ClusterOptions{})
			dir := made.Nodes[0].Dir
			o := setup.RenewOptions{Dir: dir, CAKeyFile: filepath.Join(made.Dir, "ca.key"), Now: time.Now()}
			tc.spoil(t, made, &o)
			before := read(t, dir)
			_, err := setup.Renew(o)
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, before, read(t, dir), "not even the certificate for clients is new")
		})
	}
}

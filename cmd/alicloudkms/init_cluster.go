package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// runInitCluster is `init -node`.
func runInitCluster(c *cli.Command, o setup.Options) error {
	made, err := setup.InitCluster(setup.ClusterOptions{
		Options: o, Cluster: c.String("cluster"), Nodes: listOf(c, "node"), Etcd: listOf(c, "etcd"),
	})
	if err != nil {
		return blameFlag(c, err)
	}
	return printResult(c, made, describeCluster(made))
}

// describeCluster says what there is now, and which commands to type next. They work in every folder.
func describeCluster(m setup.MadeCluster) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s holds a new KMS service on several machines, the cluster %s:

  ca.pem        the CA that clients must trust; ca.key signs the nodes' next certificates for clients
  nodes-ca.pem  the CA of the nodes; nodes-ca.key could make one more node, which would get every key
  admin.secret  of the access key %s, which may do everything
  admin.env     the same for clients, as variables

Move ca.key and nodes-ca.key to a safe place. Each node has a folder, with the root key in it. Keep a copy of that
elsewhere: without it, what is in etcd can't be decrypted. Copy each folder to its machine%s, and start the node there:

`, m.Dir, m.Cluster, m.AccessKeyID, etcdFiles(m))
	for _, n := range m.Nodes {
		fmt.Fprintf(&b, "  alicloudkms server -config %s\n", shell.Word(n.ConfigFile))
	}
	fmt.Fprintf(&b, "\nThen list its keys, and let the secrets engine use it:\n\n%s", describeUse(m.Made))
	return b.String()
}

// etcdFiles says which files are still missing.
func etcdFiles(m setup.MadeCluster) string {
	if !m.Nodes[0].NeedsEtcdFiles {
		return ""
	}
	return ",\nadd etcd-ca.pem, etcd.pem and etcd.key to it, which docs/cluster.md makes"
}

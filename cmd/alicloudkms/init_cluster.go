package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// runInitCluster is `init -node`.
func runInitCluster(c *cli.Command) error {
	made, err := setup.InitCluster(setup.ClusterOptions{
		Options: initOptions(c), Cluster: c.String("cluster"), Nodes: listOf(c, "node"), Etcd: listOf(c, "etcd"),
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

`, m.Dir, m.Cluster, m.AccessKeyID, etcdFiles(m.Nodes))
	b.WriteString(describeStart(m.Nodes))
	fmt.Fprintf(&b, "\nThen list its keys, and let the secrets engine use it:\n\n%s", describeUse(m.Made))
	return b.String()
}

// etcdFiles says which files are still missing.
func etcdFiles(nodes []setup.MadeNode) string {
	if !nodes[0].NeedsEtcdFiles {
		return ""
	}
	return ",\nadd etcd-ca.pem, etcd.pem and etcd.key to it, which docs/cluster.md makes"
}

// describeStart is the commands that start nodes.
func describeStart(nodes []setup.MadeNode) string {
	var b strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&b, "  alicloudkms server -config %s\n", shell.Word(n.ConfigFile))
	}
	return b.String()
}

// runInitFrom is `init -node -from`.
func runInitFrom(c *cli.Command) error {
	if !c.IsSet("node") {
		return usagef(c, "-from needs -node, the node to be made")
	}
	added, err := setup.AddNodes(setup.AddOptions{
		Dir: c.Args().First(), From: c.String("from"), Nodes: listOf(c, "node"), Hosts: listOf(c, "host"),
		CAKeyFile: c.String("ca-key"), NodesCAKeyFile: c.String("nodes-ca-key"), Now: time.Now(),
	})
	if err != nil {
		return blameFlag(c, err)
	}
	return printResult(c, added, describeAdded(added))
}

// describeAdded says what there is now, and which commands to type next.
func describeAdded(a setup.Added) string {
	var b strings.Builder
	for _, n := range a.Nodes {
		fmt.Fprintf(&b, "%s holds node %s of the cluster %s, made like node %s. The others reach it at %s, and its\n"+
			"certificate for clients is for %s, until %s.\n",
			n.Dir, n.Name, a.Cluster, a.From, n.Peers, strings.Join(n.Hosts, ", "), n.Expires.Format(time.DateOnly))
	}
	for _, path := range a.Elsewhere {
		fmt.Fprintf(&b, "The configuration also names %s: copy that too.\n", path)
	}
	fmt.Fprintf(&b, "Copy each folder to its machine%s, and start the node there:\n\n%s",
		etcdFiles(a.Nodes), strings.TrimSuffix(describeStart(a.Nodes), "\n"))
	return b.String()
}

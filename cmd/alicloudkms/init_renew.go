package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// runRenew is `init -renew`.
func runRenew(c *cli.Command) error {
	renewed, err := setup.Renew(setup.RenewOptions{
		Dir: c.Args().First(), CAKeyFile: c.String("ca-key"), NodesCAKeyFile: c.String("nodes-ca-key"),
		Hosts: listOf(c, "host"), Now: time.Now(),
	})
	if err != nil {
		return blameFlag(c, err)
	}
	return printResult(c, renewed, describeRenewed(renewed))
}

// describeRenewed says which certificates are new, and how a running service gets them.
func describeRenewed(r setup.Renewed) string {
	var b strings.Builder
	if len(r.Nodes) == 0 {
		b.WriteString(describeCertificates(r))
		if r.ConfigFile != "" {
			fmt.Fprintf(&b, "\nLet the running service read it:\n\n  alicloudkms reload -config %s", shell.Word(r.ConfigFile))
		}
		return b.String()
	}
	for _, node := range r.Nodes {
		b.WriteString(describeCertificates(node) + "\n")
	}
	b.WriteString("Copy the files of each node to its machine, and let the service there read them, one node after the other:\n" +
		"\n  alicloudkms reload -config FILE")
	return b.String()
}

// describeCertificates has a line for each certificate in a folder.
func describeCertificates(r setup.Renewed) string {
	var lines []string
	if r.CertificateFile != "" {
		lines = append(lines, fmt.Sprintf("%s is for %s, until %s.",
			r.CertificateFile, strings.Join(r.Hosts, ", "), r.Expires.Format(time.DateOnly)))
	}
	if r.Node != nil {
		lines = append(lines, describeNodeCertificate(*r.Node))
	}
	return strings.Join(lines, "\n")
}

func describeNodeCertificate(n setup.RenewedNode) string {
	switch until := n.Expires.Format(time.DateOnly); {
	case n.MissingKeyFile != "":
		return fmt.Sprintf("The certificate of node %s for the other nodes stays as it is, until %s: there is no %s.\n"+
			"If that was moved, name it with -nodes-ca-key.", n.Name, until, n.MissingKeyFile)
	case n.CAFile != "":
		return fmt.Sprintf("%s is for node %s of %s, until %s, and so is its CA, in %s.",
			n.CertificateFile, n.Name, n.Cluster, until, n.CAFile)
	default:
		return fmt.Sprintf("%s is for node %s of %s, until %s.", n.CertificateFile, n.Name, n.Cluster, until)
	}
}

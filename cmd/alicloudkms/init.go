package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

func initCommand() *cli.Command {
	return &cli.Command{
		Name:  "init",
		Usage: "make the files of a new KMS service: keys, certificate, configuration",
		UsageText: `alicloudkms init [-host HOST …] [-listen ADDRESS] [-region REGION] [-account ID] [-data DIR] [-o FORMAT] DIR
       alicloudkms init -node NAME=HOST … -etcd URL … [-cluster NAME] [the same] DIR
       alicloudkms init -renew [-host HOST …] [-ca-key FILE] [-nodes-ca-key FILE] [-o FORMAT] DIR
       alicloudkms init -from FOLDER -node NAME=HOST … [the same] DIR`,
		ArgsUsage: "DIR",
		Description: `Makes a root key, a CA, a certificate, an access key and a configuration in DIR, and prints how to start the service and
use it. DIR must not exist, or be empty; after an error, nothing is left in it. The paths in the configuration are
relative, so DIR can be moved.

With -node, it makes the files of a service on several machines, with its data in etcd: a folder for each node, to be
copied to its machine, and beside them what is for clients, and the CAs.

With -node and -from, it makes more nodes of a cluster, or new machines for nodes that were lost: a folder in DIR for
each, which is a copy of FOLDER, the folder of another node, with an address and certificates of its own.

With -renew, it makes a new certificate for the same hosts and the same key, with the CA's key, and changes nothing
else. In the folder of a node, it also renews the certificate that the other nodes see, with the key of the nodes' CA,
and that CA itself; in the folder of a cluster, it does so for each node. Then let the running service read them:
alicloudkms reload`,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{
				Name: "host",
				Usage: "a DNS name or IP address, `HOST`, by which clients call the service, for its certificate; repeatable " +
					"(default: localhost, 127.0.0.1, ::1 and the name of this machine)",
			},
			&cli.StringFlag{
				Name:  "listen",
				Usage: "the service listens on `ADDRESS`, as host:port (default: 127.0.0.1:8443, or :8443 with a -host that is not of loopback)",
			},
			&cli.StringFlag{Name: "region", Usage: "the `REGION` of requests that name none (default: cn-hangzhou)"},
			&cli.StringFlag{
				Name: "account", Usage: "the number `ID` of the account that owns the keys (default: 1000000000000001)",
			},
			&cli.StringFlag{
				Name: "data", Usage: "the store and the audit log will be in `DIR`, such as /var/lib/alicloudkms for systemd (default: with the rest)",
			},
			&cli.StringSliceFlag{
				Name: "node",
				Usage: "a node of a service on several machines, `NAME=HOST`, where the others reach it; a port other than 8444 may " +
					"follow; repeatable",
			},
			&cli.StringSliceFlag{
				Name: "etcd", Usage: "with -node: the `URL` of a member of etcd, such as https://etcd1.internal:2379; repeatable",
			},
			&cli.StringFlag{
				Name: "cluster", Usage: "with -node: the `NAME` of the cluster, in its nodes' certificates (default: kms)",
			},
			&cli.StringFlag{Name: "from", Usage: "with -node: more nodes of a cluster, like the one whose folder is `FOLDER`"},
			&cli.BoolFlag{Name: "renew", Usage: "make new certificates in DIR"},
			&cli.StringFlag{
				Name: "ca-key", Usage: "with -renew or -from: the CA's key is in `FILE` (default: ca.key in DIR)",
			},
			&cli.StringFlag{
				Name:  "nodes-ca-key",
				Usage: "with -renew or -from: the key of the nodes' CA is in `FILE` (default: nodes-ca.key beside the CA's key)",
			},
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms init kms
  alicloudkms init -host kms.example.com -host 10.0.0.5 -data /var/lib/alicloudkms /etc/alicloudkms
  alicloudkms init -node a=10.0.0.1 -node b=10.0.0.2 -node c=10.0.0.3 -etcd https://10.0.0.9:2379 kms
  alicloudkms init -node d=10.0.0.4 -from kms/a kms
  alicloudkms init -renew -ca-key /media/safe/ca.key /etc/alicloudkms
`),
		Action: runInit,
	}
}

func runInit(_ context.Context, c *cli.Command) error {
	if c.Args().Len() != 1 || c.Args().First() == "" {
		return usagef(c, "init needs one folder, DIR")
	}
	mode, err := initModeOf(c)
	if err != nil {
		return err
	}
	return mode.run(c)
}

// initOptions are the options of a new service.
func initOptions(c *cli.Command) setup.Options {
	return setup.Options{
		Dir: c.Args().First(), Hosts: listOf(c, "host"), Listen: c.String("listen"),
		Region: c.String("region"), Account: c.String("account"), Data: c.String("data"), Now: time.Now(),
	}
}

// runInitService is init of a service on one machine.
func runInitService(c *cli.Command) error {
	made, err := setup.Init(initOptions(c))
	if err != nil {
		return blameFlag(c, err)
	}
	return printResult(c, made, describeMade(made))
}

// listOf returns the values of a flag that is repeatable. None of them has a comma, and a value with commas has always
// been a list.
func listOf(c *cli.Command, flag string) (values []string) {
	for _, value := range c.StringSlice(flag) {
		values = append(values, strings.Split(value, ",")...)
	}
	return values
}

// blameFlag makes err a usage error if it is about the value of a flag.
func blameFlag(c *cli.Command, err error) error {
	if bad, ok := errors.AsType[*setup.OptionError](err); ok {
		return usagef(c, "-%v", bad)
	}
	return err
}

// describeMade says what there is now, and which commands to type next. They work in every folder.
func describeMade(m setup.Made) string {
	var b strings.Builder
	fmt.Fprintf(&b, `%s holds a new KMS service:

  server.hcl    its configuration
  root.key      wraps all other keys: keep a copy elsewhere, or a lost disk is lost data
  tls.pem       the certificate, for %s, until %s; tls.key is its key
  ca.pem        the CA that clients must trust
  ca.key        signs the next certificate, and could sign any: move it to a safe place
  admin.secret  of the access key %s, which may do everything
  admin.env     the same for clients, as variables

`, m.Dir, strings.Join(m.Hosts, ", "), m.Expires.Format(time.DateOnly), m.AccessKeyID)
	fmt.Fprintf(&b, `Start it:

  alicloudkms server -config %s

Then, in another shell, list its keys, and let the secrets engine use it:

%s`, shell.Word(m.ConfigFile), describeUse(m))
	return b.String()
}

// describeUse is the commands of a client.
func describeUse(m setup.Made) string {
	return fmt.Sprintf(`  alicloudkms call ListKeys -env %s
  vault write alicloudkms/config region=%s %s %s access_key=%s %s`,
		shell.Word(m.EnvFile), m.Region, shell.Word("endpoint="+m.Endpoint),
		shell.Word("ca_cert=@"+m.CAFile), m.AccessKeyID, shell.Word("secret_key=@"+m.SecretFile))
}

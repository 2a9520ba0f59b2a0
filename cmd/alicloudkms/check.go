package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "read the whole store and report problems",
		UsageText: "alicloudkms check -config FILE [-store FILE]",
		Description: `Reads the whole store: the structure of its file, every record, the indexes between records, and the material of every
key version, which it decrypts with the root key. It changes nothing. The status is 1, with a line for each problem, if
something is wrong. The service must not be running on the store; a backup can be checked at any time.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "store", Usage: "check this `FILE`, such as a backup, instead of the configuration's store"},
		},
		Metadata: examples(`  alicloudkms check -config /etc/alicloudkms/server.hcl -store kms-backup.db
`),
		Action: runCheck,
	}
}

// configFlag is the service's configuration file, for the commands that work on its store.
func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Required: true, Usage: "the service's configuration `FILE`"}
}

func runCheck(ctx context.Context, c *cli.Command) error {
	config, err := server.LoadConfig(c.String("config"))
	if err != nil {
		return err
	}
	report, err := server.Check(ctx, config, c.String("store"))
	if err != nil {
		return err
	}
	stdout := c.Root().Writer
	for _, problem := range report.Problems {
		fmt.Fprintln(stdout, problem)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("the store is not good: %d problems", n)
	}
	_, err = fmt.Fprintf(stdout, "The store is good: %d records, %d CMKs.\n", report.Records, report.Keys)
	return err
}

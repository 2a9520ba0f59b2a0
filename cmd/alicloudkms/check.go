package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "read the whole store and report problems",
		UsageText: "alicloudkms check -config FILE [-store FILE] [-o FORMAT]",
		Description: `Reads the whole store: the structure of its file, every record, the indexes between records, and the material of every
key version, which it decrypts with the root key. It changes nothing. The status is 1, with a line for each problem, if
something is wrong. The service must not be running on a store in a file; a backup, and a store in etcd, can be checked
at any time.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "store", Usage: "check this `FILE`, such as a backup, instead of the configuration's store"},
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms check -config /etc/alicloudkms/server.hcl -store kms-backup.db
`),
		Action: runCheck,
	}
}

func runCheck(ctx context.Context, c *cli.Command) error {
	config, err := loadConfig(c.String("config"))
	if err != nil {
		return err
	}
	store := c.String("store")
	draw, remove := newProgress(c)
	report, err := server.Check(ctx, config, store, draw)
	remove()
	if err != nil && store == "" {
		err = adviseNoStore(config, err)
	}
	if err != nil {
		return adviseInUse(c, config, err)
	}
	if store == "" {
		store = server.StoreName(config)
	}
	text := "The store is good: " + contents(report) + "."
	if len(report.Problems) > 0 {
		text = strings.Join(report.Problems, "\n")
	}
	if err := printResult(c, newStoreReport(store, report), text); err != nil {
		return err
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("%s is not good: %s", store, counted(n, "problem"))
	}
	return nil
}

package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func backupCommand() *cli.Command {
	return &cli.Command{
		Name:      "backup",
		Usage:     "write a snapshot of the store, even while the service runs",
		UsageText: "alicloudkms backup -config FILE -to FILE [-o FORMAT]",
		Description: `Writes a snapshot of the store to a new file, which only you can read. If the service is running, it provides the
snapshot through its operations socket without interruption: run this as the service's user. A store in etcd is read
as of one moment, whatever runs on it. The file appears only when it is complete, synced to disk and checked. It is
useless without the root key; keep a copy of that elsewhere.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "to", Required: true, Usage: "the `FILE` to write, which must not exist yet"},
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms backup -config /etc/alicloudkms/server.hcl -to kms-backup.db
`),
		Action: runBackup,
	}
}

func runBackup(ctx context.Context, c *cli.Command) error {
	config, err := loadConfig(c.String("config"))
	if err != nil {
		return err
	}
	to := c.String("to")
	draw, remove := newProgress(c)
	report, err := server.Backup(ctx, config, to, draw)
	remove()
	if err != nil {
		return adviseNoStore(config, err)
	}
	return printResult(c, newStoreReport(to, report), fmt.Sprintf("%s was written and checked: %s.", to, contents(report)))
}

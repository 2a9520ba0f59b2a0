package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "replace the store with a backup",
		UsageText: "alicloudkms restore -config FILE -from FILE [-force]",
		Description: `Replaces the store with a backup, after checking the backup with the root key. The service must not be running.
Everything done since the backup is undone: keys created since then are gone, and keys deleted since then are back.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "from", Required: true, Usage: "the backup's `FILE`"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing store; it is kept under another name"},
		},
		Metadata: examples(`  alicloudkms restore -config /etc/alicloudkms/server.hcl -from kms-backup.db -force
`),
		Action: runRestore,
	}
}

func runRestore(ctx context.Context, c *cli.Command) error {
	config, err := server.LoadConfig(c.String("config"))
	if err != nil {
		return err
	}
	force := c.Bool("force")
	kept, err := server.Restore(ctx, config, c.String("from"), force)
	if errors.Is(err, os.ErrExist) && !force {
		return fmt.Errorf("%w; -force replaces it", err)
	}
	if err != nil {
		return err
	}
	stdout := c.Root().Writer
	if kept != "" {
		fmt.Fprintln(stdout, "The previous store is now", kept)
	}
	_, err = fmt.Fprintln(stdout, config.Storage.Path, "was restored.")
	return err
}

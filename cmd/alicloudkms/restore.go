package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "replace the store with a backup",
		UsageText: "alicloudkms restore -config FILE -from FILE [-force] [-keep FILE] [-o FORMAT]",
		Description: `Replaces the store with a backup, after checking the backup with the root key. The service must not be running.
Everything done since the backup is undone: keys created since then are gone, and keys deleted since then are back.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "from", Required: true, Usage: "the backup's `FILE`"},
			&cli.BoolFlag{Name: "force", Usage: "replace an existing store; it is kept under another name"},
			keepFlag(),
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms restore -config /etc/alicloudkms/server.hcl -from kms-backup.db -force
`),
		Action: runRestore,
	}
}

func runRestore(ctx context.Context, c *cli.Command) error {
	config, err := loadConfig(c.String("config"))
	if err != nil {
		return err
	}
	force := c.Bool("force")
	draw, remove := newProgress(c)
	restored, err := server.Restore(ctx, config, c.String("from"), force, c.String("keep"), draw)
	remove()
	if errors.Is(err, os.ErrExist) && !force {
		return fmt.Errorf("%w; -force replaces it", err)
	}
	if err != nil {
		return adviseKeep(err)
	}
	store := server.StoreName(config)
	result := replacedStore{newStoreReport(store, restored.Report), restored.Kept}
	text := fmt.Sprintf("%s was restored: %s.", store, contents(restored.Report))
	if restored.Kept != "" {
		text = "The previous store is now " + restored.Kept + ".\n" + text
	}
	overdue, err := server.Overdue(ctx, config, time.Now())
	if err != nil { // The store is restored anyway; perhaps a service runs on it already.
		text += "\nWhether the date of a key has passed is not known: " + err.Error()
	}
	return printResult(c, restoredStore{result, overdue}, text+warningOfOverdue(overdue))
}

// replacedStore is what a command that has replaced a store says about it in JSON.
type replacedStore struct {
	storeReport
	// Previous is the name that the previous store has now, and empty if there was none.
	Previous string `json:"previous,omitempty"`
}

// restoredStore is what restore says in JSON.
type restoredStore struct {
	replacedStore
	// Overdue are the keys that change when the service starts: see [server.Overdue].
	Overdue []string `json:"overdue,omitempty"`
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

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
	fmt.Fprintln(stdout, config.Storage.Path, "was restored.")
	overdue, err := server.Overdue(ctx, config, time.Now())
	if err != nil { // The store is restored all the same; perhaps a service runs on it already.
		fmt.Fprintln(stdout, "Whether the date of a key has passed is not known:", err)
	}
	warnOfOverdue(stdout, overdue)
	return nil
}

// maxOverdue is how many keys are listed.
const maxOverdue = 20

// warnOfOverdue lists keys that end when the service starts, while the store still has them.
func warnOfOverdue(w io.Writer, keyIDs []string) {
	if len(keyIDs) == 0 {
		return
	}
	fmt.Fprint(w, `
WARNING: when the service starts, it deletes these keys, or their imported material, because the date of that has passed.
If the date was changed after the backup, don't start it, and see "A key that the restore deletes" in docs/disaster.md.
`)
	for _, id := range keyIDs[:min(len(keyIDs), maxOverdue)] {
		fmt.Fprintln(w, " ", id)
	}
	if more := len(keyIDs) - maxOverdue; more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
}

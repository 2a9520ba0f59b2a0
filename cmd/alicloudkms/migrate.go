package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func migrateCommand() *cli.Command {
	return &cli.Command{
		Name:      "migrate",
		Usage:     "move the store to etcd, or back to a file",
		UsageText: "alicloudkms migrate -from FILE -to FILE [-o FORMAT]",
		Description: `Copies everything in the store of one configuration to the store of another, such as from a file to etcd or back. Both
have the same root key; the new store must be empty, and the service must not be running. Keys, and what they have
encrypted, stay as they are, and so does the root key.

The copy is checked before it counts. Then the old store is marked as moved, and no service starts on it again. After
a crash, at most one of the two stores can be used; run the command again.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Required: true, Usage: "the configuration `FILE` with the present store"},
			&cli.StringFlag{Name: "to", Required: true, Usage: "the configuration `FILE` with the new store"},
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms migrate -from /etc/alicloudkms/server.hcl -to /etc/alicloudkms/cluster.hcl
`),
		Action: runMigrate,
	}
}

func runMigrate(ctx context.Context, c *cli.Command) error {
	from, err := loadConfig(c.String("from"))
	if err != nil {
		return err
	}
	to, err := loadConfig(c.String("to"))
	if err != nil {
		return err
	}
	draw, remove := newProgress(c)
	migrated, err := server.Migrate(ctx, from, to, draw)
	remove()
	if err != nil {
		return err
	}
	result := migratedStore{
		replacedStore{newStoreReport(server.StoreName(to), migrated.Report), migrated.Kept}, server.StoreName(from),
	}
	return printResult(c, result, describeMigrated(from, to, c.String("to"), migrated))
}

// describeMigrated says what was done, and what to do next.
func describeMigrated(from, to server.Config, file string, m server.Migrated) string {
	was, is := server.StoreName(from), server.StoreName(to)
	text := fmt.Sprintf("%s has moved to %s, and was checked: %s.\n", was, is, contents(m.Report))
	if m.Already {
		text = fmt.Sprintf("%s was already moved to %s: %s.\n", was, is, contents(m.Report))
	}
	if m.Kept != "" {
		text += fmt.Sprintf("The store that was there before is now %s.\n", m.Kept)
	}
	return text + fmt.Sprintf(`No service starts on %s again. Start the service with the new configuration, and take a new backup:

  alicloudkms server -config %s
  alicloudkms backup -config %s -to FILE`, was, shell.Word(file), shell.Word(file))
}

// migratedStore is what migrate says in JSON.
type migratedStore struct {
	replacedStore
	// From is the old store, on which no service starts again.
	From string `json:"from"`
}

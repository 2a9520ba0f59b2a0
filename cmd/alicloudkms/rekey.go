package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func rekeyCommand() *cli.Command {
	return &cli.Command{
		Name:      "rekey",
		Usage:     "put the store under a new root key",
		UsageText: "alicloudkms rekey -config FILE -new-root-key FILE [-keep FILE] [-o FORMAT]",
		Description: `Replaces the store with one in which everything is under a new root key. Keys, and what they have encrypted, stay as
they are; import parameters that were given out before are void. The service must not be running. Make the new root key
first, and keep a copy of it elsewhere. Afterwards, replace the old one with it: the output shows how.

The new store is checked before it replaces the old one, which is kept, under the old root key. After a crash, the store
is either the old or the new one; run the command again.`,
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{
				Name: "new-root-key", Required: true,
				Usage: "the `FILE` with the new root key: 32 random bytes in base64, mode 0600",
			},
			keepFlag(),
			outputFlag(),
		},
		Metadata: examples(`  (umask 077; openssl rand -base64 32 > new-root.key)
  alicloudkms rekey -config /etc/alicloudkms/server.hcl -new-root-key new-root.key
`),
		Action: runRekey,
	}
}

func runRekey(ctx context.Context, c *cli.Command) error {
	config, err := loadConfig(c.String("config"))
	if err != nil {
		return err
	}
	newKey := c.String("new-root-key")
	draw, remove := newProgress(c)
	rekeyed, err := server.Rekey(ctx, config, newKey, c.String("keep"), draw)
	remove()
	if err != nil {
		return adviseKeep(err)
	}
	result := replacedStore{newStoreReport(server.StoreName(config), rekeyed.Report), rekeyed.Kept}
	return printResult(c, result, describeRekeyed(c.String("config"), config, newKey, rekeyed))
}

// describeRekeyed says what was done, and what to do next.
func describeRekeyed(file string, config server.Config, newKey string, r server.Rekeyed) string {
	store, rootKey := server.StoreName(config), config.RootKey.File
	text := fmt.Sprintf("%s is already under the root key in %s: %s.\n", store, newKey, contents(r.Report))
	if r.Kept != "" {
		text = fmt.Sprintf("%s is now under the root key in %s, and was checked: %s.\n", store, newKey, contents(r.Report)) +
			fmt.Sprintf("The previous store is now %s.\n", r.Kept) +
			"Import parameters that were given out before are void; get new ones.\n"
	}
	quoted := shell.Word(rootKey)
	return text + fmt.Sprintf(`
The service starts once the new root key is where the old one is:

  mv %s %s
  mv %s %s
  alicloudkms check -config %s

Then take a new backup. The previous store and earlier backups open with the old root key: destroy them together with it
when you no longer need them.`, quoted, shell.Word(freeName(rootKey)), shell.Word(newKey), quoted, shell.Word(file))
}

// freeName returns a name for what is at path now, so that nothing is overwritten.
func freeName(path string) string {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.replaced-%d", path, n)
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return name
		}
	}
}

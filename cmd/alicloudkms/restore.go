package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const restoreHelp = `usage: alicloudkms restore -config FILE -from FILE [-force]

Replaces the store with a backup, after checking the backup with the root key. The service must not be running.
Everything done since the backup is undone: keys created since then are gone, and keys deleted since then are back.

`

func runRestore(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("restore", restoreHelp, stderr)
	file := set.String("config", "", "the service's configuration `FILE`")
	from := set.String("from", "", "the backup's `FILE`")
	force := set.Bool("force", false, "replace an existing store; it is kept under another name")
	if err := parseFlags(set, args, "config", "from"); err != nil {
		return err
	}
	config, err := server.LoadConfig(*file)
	if err != nil {
		return err
	}
	kept, err := server.Restore(ctx, config, *from, *force)
	if errors.Is(err, os.ErrExist) && !*force {
		return fmt.Errorf("%w; -force replaces it", err)
	}
	if err != nil {
		return err
	}
	if kept != "" {
		fmt.Fprintln(stdout, "The previous store is now", kept)
	}
	_, err = fmt.Fprintln(stdout, config.Storage.Path, "was restored.")
	return err
}

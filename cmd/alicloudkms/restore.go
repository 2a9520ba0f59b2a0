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

Puts a backup in the place of the store, once it has been checked with the root key. The service must not run. All that was
done after the backup is undone: keys made since then are gone, and keys deleted since then are back.

`

func runRestore(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("restore", restoreHelp, stderr)
	file := set.String("config", "", "the service's configuration `FILE`")
	from := set.String("from", "", "the backup's `FILE`")
	force := set.Bool("force", false, "replace a store that is there; it is kept under another name")
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
		fmt.Fprintln(stdout, "The store that was there is now", kept)
	}
	_, err = fmt.Fprintln(stdout, config.Storage.Path, "is restored.")
	return err
}

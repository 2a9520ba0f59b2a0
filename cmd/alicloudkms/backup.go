package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const backupHelp = `usage: alicloudkms backup -config FILE -to FILE

Writes a snapshot of the store to a new file, which only you can read. If the service runs, it goes on without pause, and gives
the snapshot through its operations socket: run this as the service's user. The file appears once it is whole, on the disk and
checked. It is of no use without the root key, of which you must keep a copy elsewhere.

`

func runBackup(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("backup", backupHelp, stderr)
	file := set.String("config", "", "the service's configuration `FILE`")
	to := set.String("to", "", "the `FILE` to write, which must not be there yet")
	if err := parseFlags(set, args, "config", "to"); err != nil {
		return err
	}
	config, err := server.LoadConfig(*file)
	if err != nil {
		return err
	}
	report, err := server.Backup(ctx, config, *to)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s is written and checked: %d records, %d CMKs.\n", *to, report.Records, report.Keys)
	return err
}

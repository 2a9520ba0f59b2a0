package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const backupHelp = `usage: alicloudkms backup -config FILE -to FILE

Writes a snapshot of the store to a new file, which only you can read. If the service is running, it provides the
snapshot through its operations socket without interruption: run this as the service's user. The file appears only when
it is complete, synced to disk and checked. It is useless without the root key; keep a copy of that elsewhere.

`

func runBackup(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("backup", backupHelp, stderr)
	file := set.String("config", "", "the service's configuration `FILE`")
	to := set.String("to", "", "the `FILE` to write, which must not exist yet")
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
	_, err = fmt.Fprintf(stdout, "%s was written and checked: %d records, %d CMKs.\n", *to, report.Records, report.Keys)
	return err
}

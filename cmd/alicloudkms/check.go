package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const checkHelp = `usage: alicloudkms check -config FILE [-store FILE]

Reads the whole store: the structure of its file, every record, the indexes between records, and the material of every
key version, which it decrypts with the root key. It changes nothing. The status is 1, with a line for each problem, if
something is wrong. The service must not be running on the store; a backup can be checked at any time.

`

func runCheck(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("check", checkHelp, stderr)
	file := set.String("config", "", "the service's configuration `FILE`")
	path := set.String("store", "", "check this `FILE`, such as a backup, instead of the configuration's store")
	if err := parseFlags(set, args, "config"); err != nil {
		return err
	}
	config, err := server.LoadConfig(*file)
	if err != nil {
		return err
	}
	report, err := server.Check(ctx, config, *path)
	if err != nil {
		return err
	}
	for _, problem := range report.Problems {
		fmt.Fprintln(stdout, problem)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("the store is not good: %d problems", n)
	}
	_, err = fmt.Fprintf(stdout, "The store is good: %d records, %d CMKs.\n", report.Records, report.Keys)
	return err
}

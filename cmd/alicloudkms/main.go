// Command alicloudkms runs the KMS service and has the tools for operating it. Run it without arguments for the list of
// commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/terminal"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/etcd" // for a service on several machines
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/sm"   // for a service with sm = true
)

// commands are the subcommands. Each has a file of its own.
func commands() []*cli.Command {
	return []*cli.Command{
		serverCommand(),
		reloadCommand(),
		initCommand(),
		checkCommand(),
		backupCommand(),
		restoreCommand(),
		rekeyCommand(),
		migrateCommand(),
		wrapCommand(),
		callCommand(),
		encryptCommand(),
		decryptCommand(),
		kmsProviderCommand(),
		versionCommand(),
		helpCommand(),
	}
}

// The exit statuses.
const (
	statusFailed = 1
	statusUsage  = 2
)

func main() {
	ctx, stop := untilSignal(context.Background(), os.Stderr)
	err := newProgram(os.Args).Run(ctx, os.Args)
	stop()
	if status := report(os.Stderr, err); status != 0 {
		os.Exit(status)
	}
}

// report prints err, and returns the exit status.
func report(w io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNoCommand):
		return statusUsage
	}
	fmt.Fprintln(w, "alicloudkms:", terminal.Escape(err.Error(), lineBreaks))
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(w, "run:", usage.help())
		return statusUsage
	}
	return statusFailed
}

// Command alicloudkms runs the KMS service and has the tools for operating it. Run it without arguments for the list of
// commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"
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
		wrapCommand(),
		callCommand(),
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
	switch {
	case err == nil:
		return
	case errors.Is(err, errNoCommand):
		os.Exit(statusUsage)
	}
	fmt.Fprintln(os.Stderr, "alicloudkms:", err)
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintln(os.Stderr, "run:", usage.help())
		os.Exit(statusUsage)
	}
	os.Exit(statusFailed)
}

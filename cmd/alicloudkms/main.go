// Command alicloudkms runs the KMS service and has the tools for operating it. Run it without arguments for the list of
// verbs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// verb is a subcommand. Each has its own file.
type verb struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func verbs() []verb {
	return []verb{
		{"server", "run the KMS service", runServer},
		{"check", "read the whole store and report problems", runCheck},
		{"backup", "write a snapshot of the store, even while the service runs", runBackup},
		{"restore", "replace the store with a backup", runRestore},
		{"wrap", "encrypt key material for its import into KMS", runWrap},
		{"version", "print the version", runVersion},
	}
}

// errUsage ends the program with status 2, after the usage has been printed.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := untilSignal(context.Background(), os.Stderr)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errUsage):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "alicloudkms:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		usage(stderr)
		return errUsage
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		usage(stdout)
		return nil
	}
	for _, v := range verbs() {
		if v.name == args[0] {
			return v.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "alicloudkms: unknown verb %q\n\n", args[0])
	usage(stderr)
	return errUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: alicloudkms VERB [flags]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-10s %s\n", v.name, v.summary)
	}
	fmt.Fprint(w, "\nalicloudkms VERB -help lists the flags of a verb.\n")
}

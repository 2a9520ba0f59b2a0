// Command alicloudkms is the KMS service and what its operator needs. Run it without arguments for the list of verbs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// verb is one thing that the command does. Each has a file of its own.
type verb struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func verbs() []verb {
	return []verb{
		{"server", "run the KMS service", runServer},
		{"check", "read the whole store and tell what is wrong", runCheck},
		{"backup", "write a snapshot of the store, also while the service runs", runBackup},
		{"restore", "put a backup in the place of the store", runRestore},
		{"wrap", "encrypt key material for its import into KMS", runWrap},
		{"version", "print the version", runVersion},
	}
}

// errUsage ends the program with status 2, after the usage has been shown.
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
	fmt.Fprintf(stderr, "alicloudkms: there is no verb %q\n\n", args[0])
	usage(stderr)
	return errUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "usage: alicloudkms VERB [flags]\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-10s %s\n", v.name, v.summary)
	}
	fmt.Fprint(w, "\nalicloudkms VERB -help tells the flags of a verb.\n")
}

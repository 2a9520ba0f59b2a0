package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// newFlags returns a flag set for a verb. usage describes the verb; the flags are listed after it.
func newFlags(name, usage string, stderr io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprint(stderr, usage)
		set.PrintDefaults()
	}
	return set
}

// parseFlags parses args, which must contain every flag in required, and no positional arguments.
func parseFlags(set *flag.FlagSet, args []string, required ...string) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage // Parse has already printed the error and the usage.
	}
	if set.NArg() > 0 {
		return fmt.Errorf("%s takes no arguments: %q", set.Name(), set.Arg(0))
	}
	for _, name := range required {
		if set.Lookup(name).Value.String() == "" {
			return fmt.Errorf("%s needs -%s FILE", set.Name(), name)
		}
	}
	return nil
}

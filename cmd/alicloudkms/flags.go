package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// newFlags returns the flags of a verb. usage says what the verb does; the flags are listed after it.
func newFlags(name, usage string, stderr io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprint(stderr, usage)
		set.PrintDefaults()
	}
	return set
}

// parseFlags reads args, in which no flag called in required may be missing, and nothing else than flags may stand.
func parseFlags(set *flag.FlagSet, args []string, required ...string) error {
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage // It has been told, with the usage.
	}
	if set.NArg() > 0 {
		return fmt.Errorf("%s takes no argument, and %q is one", set.Name(), set.Arg(0))
	}
	for _, name := range required {
		if set.Lookup(name).Value.String() == "" {
			return fmt.Errorf("%s needs -%s FILE", set.Name(), name)
		}
	}
	return nil
}

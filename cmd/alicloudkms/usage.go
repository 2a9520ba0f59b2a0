package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/guess"
)

// usageError is a mistake in the arguments.
type usageError struct {
	command string // Empty for the program itself.
	message string
}

func (e *usageError) Error() string { return e.message }

// help is the command that describes the right usage.
func (e *usageError) help() string {
	return strings.TrimSpace(programName + " help " + e.command)
}

// usagef returns an error about the arguments of c.
func usagef(c *cli.Command, format string, args ...any) error {
	e := &usageError{message: fmt.Sprintf(format, args...)}
	if lineage := c.Lineage(); len(lineage) > 1 {
		e.command = lineage[len(lineage)-2].Name // The last is the program.
	}
	return e
}

// didYouMean is the end of an error about an unknown name. It is empty if no known name is near.
func didYouMean(name string, known []string) string {
	if near := guess.Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

func unknownCommand(c *cli.Command, name string) error {
	var known []string
	for _, sub := range c.Root().Commands {
		if !sub.Hidden {
			known = append(known, sub.Name)
		}
	}
	return usagef(c.Root(), "there is no command %q%s", name, didYouMean(name, known))
}

// onUsageError turns the library's errors, which have no type, into usage errors: it looks for the reason itself.
func onUsageError(args []string) cli.OnUsageErrorFunc {
	return func(_ context.Context, c *cli.Command, err error, _ bool) error {
		if name, ok := unknownFlag(c, args); ok {
			return usagef(c, "there is no flag %s%s", name, didYouMean(name, flagNames(c)))
		}
		if flag, ok := missingFlag(c); ok {
			return usagef(c, "%s needs %s", c.Name, flag)
		}
		return usagef(c, "%v", err)
	}
}

// unknownFlag returns the first of the arguments that is a flag which c does not have, with one dash.
func unknownFlag(c *cli.Command, args []string) (name string, ok bool) {
	rest := args[1:]
	if c != c.Root() {
		rest = rest[slices.Index(rest, c.Name)+1:]
	}
	for len(rest) > 0 && rest[0] != "--" {
		arg := rest[0]
		rest = rest[1:]
		name, _, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || name == "" {
			continue
		}
		flag := findFlag(c, name)
		if flag == nil {
			return "-" + name, true
		}
		if !hasValue && takesValue(flag) && len(rest) > 0 {
			rest = rest[1:]
		}
	}
	return "", false
}

func findFlag(c *cli.Command, name string) cli.Flag {
	for _, flag := range c.Flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

func takesValue(flag cli.Flag) bool {
	described, ok := flag.(cli.DocGenerationFlag)
	return ok && described.TakesValue()
}

func flagNames(c *cli.Command) (names []string) {
	for _, flag := range c.VisibleFlags() {
		names = append(names, "-"+flag.Names()[0])
	}
	return names
}

// missingFlag returns a required flag of c that was not given, or is empty, as it is written in the help.
func missingFlag(c *cli.Command) (flag string, ok bool) {
	for _, f := range c.Flags {
		required, ok := f.(cli.RequiredFlag)
		if ok && required.IsRequired() && (!c.IsSet(f.Names()[0]) || c.Value(f.Names()[0]) == "") {
			written, _, _ := strings.Cut(f.String(), "\t")
			return written, true
		}
	}
	return "", false
}

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
	var names []string
	for _, above := range c.Lineage() {
		names = slices.Insert(names, 0, above.Name)
	}
	return &usageError{command: strings.Join(names[1:], " "), message: fmt.Sprintf(format, args...)}
}

// didYouMean is the end of an error about an unknown name. It is empty if no known name is near.
func didYouMean(name string, known []string) string {
	if near := guess.Nearest(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// unknownCommand is the error about a name that is not one of the commands below c.
func unknownCommand(c *cli.Command, name string) error {
	var known []string
	for _, sub := range c.Commands {
		if !sub.Hidden {
			known = append(known, sub.Name)
		}
	}
	whole := strings.TrimPrefix(c.FullName()+" "+name, programName+" ")
	return usagef(c, "there is no command %q%s", whole, didYouMean(name, known))
}

// onUsageError turns the library's errors, which have no type, into usage errors: it looks for the reason itself.
func onUsageError(args []string) cli.OnUsageErrorFunc {
	return func(_ context.Context, c *cli.Command, err error, _ bool) error {
		if name, ok := unknownFlag(c, args); ok {
			return usagef(c, "there is no flag %s%s", name, didYouMean(name, append(flagNames(c), parameterNames(c)...)))
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

// findFlag returns the flag called name, which may be one that c shares with the commands above it.
func findFlag(c *cli.Command, name string) cli.Flag {
	for _, above := range c.Lineage() {
		for _, flag := range above.Flags {
			if slices.Contains(flag.Names(), name) {
				return flag
			}
		}
	}
	return nil
}

func takesValue(flag cli.Flag) bool {
	described, ok := flag.(cli.DocGenerationFlag)
	return ok && described.TakesValue()
}

// flagNames returns the flags that c takes, with those that it shares with the commands above it.
func flagNames(c *cli.Command) (names []string) {
	for _, above := range c.Lineage() {
		if above == c.Root() && above != c {
			break // What the program itself takes is not for its commands.
		}
		for _, flag := range above.VisibleFlags() {
			names = append(names, "-"+flag.Names()[0])
		}
	}
	return names
}

// parametersOf is the key in a command's Metadata of the arguments that it takes, such as "KeyId=".
const parametersOf = "parameters"

func parameterNames(c *cli.Command) []string {
	names, _ := c.Metadata[parametersOf].([]string)
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

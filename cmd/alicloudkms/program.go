package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"
)

const programName = "alicloudkms"

// newProgram returns the tree of commands, for one run with the given arguments. Its conventions: what was asked for
// goes to standard output, with status 0; an error goes to standard error; a mistake in the arguments is two lines, and
// has status 2.
func newProgram(args []string) *cli.Command {
	program := &cli.Command{
		Name:                          programName,
		Version:                       version,
		Commands:                      commands(),
		Action:                        withoutCommand,
		HideHelpCommand:               true, // helpCommand is ours.
		CustomRootCommandHelpTemplate: programHelp,
		EnableShellCompletion:         true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			describeCompletion(c)
			observeConventions(c, args)
		},
		ShellComplete:  complete,
		OnUsageError:   onUsageError(args),
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // main does that.
	}
	for _, c := range program.Commands {
		observeConventions(c, args)
	}
	return program
}

// observeConventions sets what all commands have in common.
func observeConventions(c *cli.Command, args []string) {
	c.CustomHelpTemplate = commandHelp
	c.DisableSliceFlagSeparator = true // A value may have commas.
	if c.ShellComplete == nil {
		c.ShellComplete = complete
	}
	c.OnUsageError = onUsageError(args)
	if c.Action != nil {
		c.Action = withGoodFlags(c.Action)
	}
	for _, sub := range c.Commands {
		observeConventions(sub, args)
	}
}

// withGoodFlags runs action unless a required flag is empty, or there are arguments that the command does not take.
func withGoodFlags(action cli.ActionFunc) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if flag, ok := missingFlag(c); ok {
			return usagef(c, "%s needs %s", c.Name, flag)
		}
		if c.Args().Present() && c.ArgsUsage == "" {
			return usagef(c, "%s takes no arguments: %q%s", c.Name, c.Args().First(), forgottenConfig(c))
		}
		return action(ctx, c)
	}
}

// forgottenConfig is the end of an error about an argument that may be the configuration file.
func forgottenConfig(c *cli.Command) string {
	if findFlag(c, "config") == nil || c.IsSet("config") {
		return ""
	}
	return "; give a configuration with -config FILE"
}

// errNoCommand ends the program with status 2, after the list of commands has been printed.
var errNoCommand = errors.New("no command")

// withoutCommand is the program's own action, which runs if the first argument is not a command.
func withoutCommand(_ context.Context, c *cli.Command) error {
	if name := c.Args().First(); c.Args().Present() {
		return unknownCommand(c, name)
	}
	c.Writer = c.ErrWriter // Nobody has asked for the help.
	if err := cli.ShowRootCommandHelp(c); err != nil {
		return err
	}
	return errNoCommand
}

// complete lists what the shell may complete the last argument to: commands, or flags after a dash. For the value of a
// flag it lists nothing, and the shell offers files.
func complete(_ context.Context, c *cli.Command) {
	last := lastArgument(c)
	if begun := strings.TrimLeft(last, "-"); begun != last {
		completeFlag(c, begun, min(len(last)-len(begun), 2))
		return
	}
	completeCommand(c.Root().Writer, c.VisibleCommands())
}

// completeFlag lists the flags that begin like this, with as many dashes as were typed.
func completeFlag(c *cli.Command, begun string, dashes int) {
	if flag := findFlag(c, begun); flag != nil && takesValue(flag) {
		return
	}
	for _, flag := range flagNames(c) {
		if name := strings.TrimPrefix(flag, "-"); strings.HasPrefix(name, begun) {
			fmt.Fprintln(c.Root().Writer, "--"[:dashes]+name)
		}
	}
}

func completeCommand(w io.Writer, commands []*cli.Command) {
	for _, c := range commands {
		fmt.Fprintln(w, c.Name+":"+c.Usage)
	}
}

// lastArgument returns the argument to complete. The library takes its own marker off what a command parses, but not
// off the program's arguments.
func lastArgument(c *cli.Command) string {
	args := c.Args().Slice()
	if c == c.Root() {
		args = os.Args[:len(os.Args)-1]
	}
	if len(args) == 0 {
		return ""
	}
	return args[len(args)-1]
}

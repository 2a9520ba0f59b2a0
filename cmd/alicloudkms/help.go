package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/call"
)

// These variables are the only way to change how the library prints flags, which have one dash here, as in Vault; the
// help of a command that has commands; and the version.
func init() {
	cli.FlagStringer = describeFlag
	cli.SubcommandHelpTemplate = commandHelp
	cli.HelpPrinterCustom = printFolded
	cli.VersionPrinter = func(c *cli.Command) { fmt.Fprintln(c.Root().Writer, programName, version) }
}

// describeFlag returns a flag as it is written, with the name of its value, which is in backquotes in its usage, a tab,
// and its usage.
func describeFlag(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	before, rest, _ := strings.Cut(d.GetUsage(), "`")
	value, after, _ := strings.Cut(rest, "`")
	written := strings.TrimSpace("-" + strings.Join(f.Names(), ", -") + " " + value)
	usage := before + value + after
	if d.TakesValue() && d.GetValue() != "" {
		usage += " (default: " + strings.Trim(d.GetValue(), `"`) + ")"
	}
	return written + "\t" + usage
}

// programHelp and commandHelp are the templates of `alicloudkms help` and `alicloudkms help COMMAND`. A heading ends
// with a tab, or the columns below it would be aligned separately.
const (
	programHelp = `usage: {{.Name}} COMMAND [flags]

{{range .VisibleCommands}}  {{.Name}}` + "\t" + `{{.Usage}}
{{end}}
{{.Name}} help COMMAND describes a command, with examples; {{.Name}} -version prints the version.
`
	commandHelp = `usage: {{.UsageText}}

{{.Description}}
{{if .VisibleCommands}}
{{$topic := ""}}{{range .VisibleCommands}}` +
		`{{if ne .Category $topic}}{{$topic = .Category}}{{$topic}}` + "\t" + `
{{end}}  {{.Name}}` + "\t" + `{{.Usage}}
{{end}}{{end}}{{if .VisibleFlags}}
{{range .VisibleFlags}}  {{.}}
{{end}}{{end}}{{if .Metadata.examples}}
{{.Metadata.examples}}{{end}}`
)

// examples gives a command the examples that its help ends with: shell lines, each indented by two spaces.
func examples(lines string) map[string]any {
	return map[string]any{"examples": "Examples:\n\n" + lines}
}

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:        "help",
		Usage:       "describe a command",
		UsageText:   "alicloudkms help [COMMAND]",
		ArgsUsage:   "[COMMAND]",
		Description: "Describes a command, or one that another has below it, or lists all commands.",
		Metadata: examples(`  alicloudkms help server
`),
		ShellComplete: func(_ context.Context, c *cli.Command) {
			completeCommand(c.Root().Writer, c.Root().VisibleCommands())
		},
		Action: func(_ context.Context, c *cli.Command) error {
			described := c.Root()
			for _, name := range c.Args().Slice() {
				next := described.Command(name)
				if next == nil && len(described.Commands) == 0 {
					return usagef(described, "%s has no commands of its own: %q", described.Name, name)
				}
				if next == nil && described.Name == callName {
					return usagef(described, "%v", call.Unknown(name))
				}
				if next == nil {
					return unknownCommand(described, name)
				}
				described = next
			}
			return printHelp(described)
		},
	}
}

func printHelp(c *cli.Command) error {
	if c == c.Root() {
		return cli.ShowRootCommandHelp(c)
	}
	cli.HelpPrinter(c.Root().Writer, commandHelp, c)
	return nil
}

// describeCompletion shows the library's own command for completions among ours, for the shells that it is tested with.
func describeCompletion(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print a script that completes commands and flags"
	c.UsageText = "alicloudkms completion bash|zsh|fish"
	c.ArgsUsage = "bash|zsh|fish"
	c.Description = "Prints a script for your shell. In bash, it needs the package bash-completion."
	c.Metadata = examples(`  source <(alicloudkms completion bash)                                        # in ~/.bashrc
  source <(alicloudkms completion zsh)                                         # in ~/.zshrc, after compinit
  alicloudkms completion fish >~/.config/fish/completions/alicloudkms.fish
`)
	c.Commands = slices.DeleteFunc(c.Commands, func(shell *cli.Command) bool { return shell.Name == "pwsh" })
	for _, shell := range c.Commands {
		shell.UsageText = "alicloudkms completion " + shell.Name
		shell.Usage = "print the script for " + shell.Name
		shell.Description = "Prints the script for " + shell.Name + "."
	}
	c.Action = func(_ context.Context, c *cli.Command) error {
		return usagef(c, "completion needs the name of a shell: bash, zsh or fish")
	}
}

package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"
)

// documented returns the commands that have a page: all but help, which needs none.
func documented(t *testing.T) []*cli.Command {
	t.Helper()
	args := []string{programName, "help"}
	program := newProgram(args)
	program.Writer = io.Discard
	require.NoError(t, program.Run(t.Context(), args)) // The library adds the command for completions then.
	return program.VisibleCommands()
}

func TestEachCommandHasAPageWithItsUsageAndAllItsFlags(t *testing.T) {
	flagRow := regexp.MustCompile("(?m)^\\| `-([a-z-]+)")
	for _, c := range documented(t) {
		t.Run(c.Name, func(t *testing.T) {
			content, err := os.ReadFile("../../docs/alicloudkms-" + c.Name + ".md")
			require.NoError(t, err)
			page := string(content)
			for usage := range strings.Lines(c.UsageText) {
				require.Contains(t, page, strings.TrimSpace(usage))
			}
			var rows []string
			for _, row := range flagRow.FindAllStringSubmatch(page, -1) {
				rows = append(rows, row[1])
			}
			var flags []string
			for _, flag := range c.Flags {
				if flag.Names()[0] != "help" {
					flags = append(flags, flag.Names()[0])
				}
			}
			require.ElementsMatch(t, flags, rows)
		})
	}
}

func TestTheServicesManualListsEachCommand(t *testing.T) {
	content, err := os.ReadFile("../../docs/kms-service.md")
	require.NoError(t, err)
	for _, c := range documented(t) {
		require.Contains(t, string(content), "| [`"+c.Name+"`](alicloudkms-"+c.Name+".md) |")
	}
}

func TestEachCommandsHelpHasExamplesWithFlagsThatExist(t *testing.T) {
	for _, c := range append(documented(t), helpCommand()) {
		t.Run(c.Name, func(t *testing.T) {
			lines, _ := c.Metadata["examples"].(string)
			found := 0
			for line := range strings.Lines(lines) {
				words := strings.Fields(line)
				at := slices.IndexFunc(words, func(w string) bool { return strings.TrimPrefix(w, "<(") == programName })
				if at < 0 {
					continue
				}
				found++
				if pipe := slices.Index(words[at:], "|"); pipe >= 0 { // What follows is another program's.
					words = words[:at+pipe]
				}
				require.Equal(t, c.Name, words[at+1])
				name, unknown := unknownFlag(c, append([]string{programName}, words[at+1:]...))
				require.False(t, unknown, name)
			}
			require.Positive(t, found)
		})
	}
}

// helpOf returns what `alicloudkms help` prints of a command.
func helpOf(t *testing.T, command ...string) string {
	t.Helper()
	var help strings.Builder
	args := append([]string{programName, "help"}, command...)
	program := newProgram(args)
	program.Writer = &help
	require.NoError(t, program.Run(t.Context(), args))
	return help.String()
}

func TestNoHelpIsWiderThanATerminal(t *testing.T) {
	described := [][]string{{}}
	for _, c := range append(documented(t), helpCommand()) {
		described = append(described, []string{c.Name})
		for _, sub := range c.VisibleCommands() {
			described = append(described, []string{c.Name, sub.Name})
		}
	}
	for _, command := range described {
		for line := range strings.Lines(helpOf(t, command...)) {
			line = strings.TrimSuffix(line, "\n")
			require.LessOrEqual(t, utf8.RuneCountInString(line), helpColumns, line)
			require.NotRegexp(t, " $", line)
		}
	}
}

func TestAWideLineOfHelpGoesOnBelowItsColumn(t *testing.T) {
	words := strings.Repeat("word ", 30)
	lines := strings.Split(foldLine("  -flag …  "+words), "\n")
	require.Equal(t, "  -flag …  "+strings.TrimSpace(strings.Repeat("word ", 22)), lines[0])
	require.Equal(t, "           "+strings.TrimSpace(strings.Repeat("word ", 8)), lines[1])
	for _, line := range []string{"a short line", words + words, "  narrow  column", ""} {
		require.Equal(t, line, foldLine(line))
	}
}

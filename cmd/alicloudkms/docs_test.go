package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

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

func TestNoHelpIsWiderThanATerminal(t *testing.T) {
	for _, c := range append(documented(t), helpCommand()) {
		text := c.UsageText + "\n" + c.Description + "\n" + c.Metadata["examples"].(string)
		for line := range strings.Lines(text) {
			require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 120, line)
		}
	}
}

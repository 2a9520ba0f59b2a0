package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tutorials is the folder of pages that a reader follows from the first line to the last.
const tutorials = "docs/tutorials"

func isTutorial(document string) bool { return filepath.ToSlash(filepath.Dir(document)) == tutorials }

// TestTutorials follows each tutorial: its shell blocks and its sessions run in their order, in one shell, and the
// sessions must print what they show. The pages are for Vault. They run in parallel, since they mostly wait for
// servers.
func TestTutorials(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, tutorials, "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	onEach(t, func(t *testing.T, s *stage) {
		if s.vault.platform.name != "vault" {
			return
		}
		s.mountAsPrinted(t)
		t.Run("of", func(t *testing.T) {
			for _, page := range pages {
				t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) { s.follow(t, page) })
			}
		})
	})
}

func (s *stage) follow(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	printed := t.TempDir()
	script, steps, err := tutorialScript(onFreePorts(t, string(text)), printed)
	require.NoError(t, err)
	t.Parallel()
	if filepath.Base(page) == "terraform.md" {
		defer s.applyPage(t, string(text))()
	}
	s.runAgainst(t, script)
	for n, step := range steps {
		got, err := os.ReadFile(filepath.Join(printed, strconv.Itoa(n)))
		require.NoError(t, err)
		require.True(t, step.prints(string(got)), "%s%s", step.command, got)
	}
}

// tutorialScript returns a script that runs a document's shell blocks and sessions, and writes what each step of the
// sessions prints to a file of folder that has its number.
func tutorialScript(document, folder string) (script string, steps []step, err error) {
	var b strings.Builder
	for block := range strings.SplitSeq(document, "\n"+fence+session+"\n") {
		if b.Len() > 0 {
			inside, after, closed := strings.Cut(block, "\n"+fence+"\n")
			if !closed {
				return "", nil, fmt.Errorf("a session is not closed: %s", block)
			}
			found := sessionSteps(fence + session + "\n" + inside + "\n" + fence + "\n")
			b.WriteString(recorded(found, folder, len(steps)))
			steps, block = append(steps, found...), after
		}
		commands, err := shellBlocks(block)
		if err != nil {
			return "", nil, err
		}
		b.WriteString("set -e\n" + commands)
	}
	return b.String(), steps, nil
}

func TestATutorialRunsItsBlocksInOrder(t *testing.T) {
	script, steps, err := tutorialScript("# A\n\n```sh\none\n```\n\n```console\n$ two\nprinted\n```\n\n"+
		"```sh not-run: a reason\nno\n```\n\n```console\n$ three\n```\n\n```sh\nfour\n```\n", "to")
	require.NoError(t, err)
	require.Equal(t, []step{{"two\n", "printed\n"}, {"three\n", ""}}, steps)
	require.Equal(t, "set -e\none\nset +e\n{ two\n} >to/0 2>&1\nset -e\nset +e\n{ three\n} >to/1 2>&1\nset -e\nfour\n",
		script)
	_, _, err = tutorialScript("# A\n\n```console\n$ two\n", "to")
	require.Error(t, err)
}

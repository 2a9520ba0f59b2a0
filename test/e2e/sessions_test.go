package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A session of the docs is fenced with ```console. It has commands, each after a prompt, with what they print. In the
// output, anyText stands for what differs each time: the rest of a word, or whole lines.
const (
	session = "console"
	prompt  = "$ "
	anyText = "…"
)

// A step of a session is a command and what it prints.
type step struct{ command, output string }

// sessionSteps returns the steps of all sessions of a document.
func sessionSteps(document string) (steps []step) {
	inside, isSession := false, false
	for line := range strings.Lines(document) {
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), fence)
		command, isCommand := strings.CutPrefix(line, prompt)
		switch {
		case isFence:
			inside = !inside
			isSession = inside && info == session
		case !isSession:
		case isCommand:
			steps = append(steps, step{command: command})
		case len(steps) > 0 && strings.HasSuffix(steps[len(steps)-1].command, "\\\n") && steps[len(steps)-1].output == "":
			steps[len(steps)-1].command += line
		case len(steps) > 0:
			steps[len(steps)-1].output += line
		}
	}
	return steps
}

// prints reports whether output is what a step prints. The docs break lines where a reader wants them.
func (s step) prints(output string) bool {
	words := strings.Fields(s.output)
	for i, word := range words {
		words[i] = strings.ReplaceAll(regexp.QuoteMeta(word), anyText, `.*?`)
	}
	pattern := strings.ReplaceAll(strings.Join(words, ` `), `.*? `, `.*?`)
	return regexp.MustCompile(`\A` + pattern + `\z`).MatchString(strings.Join(strings.Fields(output), " "))
}

// recorded is a script that runs the steps, and writes what each prints to a file of folder that has its number, from
// first on. A command may fail, since a session may show what happens then.
func recorded(steps []step, folder string, first int) string {
	var b strings.Builder
	b.WriteString("set +e\n")
	for n, s := range steps {
		fmt.Fprintf(&b, "{ %s} >%s 2>&1\n", s.command, filepath.Join(folder, strconv.Itoa(first+n)))
	}
	return b.String()
}

func TestSessionsPrintWhatTheyShow(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, document := range documents(t) {
			if isTutorial(document) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(root, document))
			require.NoError(t, err)
			steps := sessionSteps(string(text))
			if len(steps) == 0 {
				continue
			}
			t.Run(document, func(t *testing.T) {
				printed := t.TempDir()
				s.runAsPrinted(t, recorded(steps, printed, 0)+"true\n")
				for n, step := range steps {
					got, err := os.ReadFile(filepath.Join(printed, strconv.Itoa(n)))
					require.NoError(t, err)
					require.True(t, step.prints(string(got)), "%s%s", step.command, got)
				}
			})
		}
	})
}

func TestStepsOfASession(t *testing.T) {
	steps := sessionSteps("text\n```console\n$ one \\\n    two\nprinted: a-…\n$ three\n```\n```sh\n$ four\n```\n")
	require.Equal(t, []step{{"one \\\n    two\n", "printed: a-…\n"}, {"three\n", ""}}, steps)
	require.True(t, steps[0].prints("printed: a-17\n"))
	require.False(t, steps[0].prints("printed: b-17\n"))
	require.False(t, steps[0].prints("printed: a-17\nmore\n") && steps[1].prints("more\n"))
	require.False(t, steps[1].prints("anything"))
	require.True(t, steps[1].prints(""))
}

package house

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// endsEarly matches a pipe into a command that may exit before it has read all of its input. The command before it then
// dies of SIGPIPE if it writes again, and with pipefail the whole pipeline fails, now and then.
var endsEarly = regexp.MustCompile(`\| *(grep( +-[-a-z]+)* +(-[a-zA-Z]*[qm]|--quiet|--max-count)|head\b|sed +[^|]*\d+q)`)

func TestNoPipeEndsBeforeItsInputDoes(t *testing.T) {
	for _, s := range sources(t, ".go", ".md", ".sh", ".yml", "Makefile", "run") {
		for i, line := range s.lines() {
			if found := endsEarly.FindString(line); found != "" && s.path != "test/house/pipes_test.go" {
				t.Errorf("%s:%d: %q fails now and then under pipefail: let the command read all of its input",
					s.path, i+1, found)
			}
		}
	}
}

func TestPipesThatEndEarlyAreFound(t *testing.T) {
	for line, early := range map[string]bool{
		"vault auth list | grep -q '^approle/'":      true,
		"vault auth list | grep -Fq approle/":        true,
		"vault auth list | grep -v -q approle/":      true,
		"vault auth list | grep --quiet approle/":    true,
		"vault auth list | grep -m 1 approle/":       true,
		"vault auth list | head -n 1":                true,
		"vault auth list | sed 1q":                   true,
		"vault auth list | grep approle/":            false,
		"vault auth list | grep -c approle/":         false,
		"vault auth list | sed -n 1p":                false,
		"grep -q approle/ file || vault auth enable": false,
		"head -n 1 file | tr a b":                    false,
	} {
		t.Run(line, func(t *testing.T) { require.Equal(t, early, endsEarly.MatchString(line)) })
	}
}

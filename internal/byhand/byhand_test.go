package byhand

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPluginAnswersPeopleAndServesServers(t *testing.T) {
	for name, c := range map[string]struct {
		args           []string
		served         bool
		status         int
		answered       bool
		stdout, stderr string
	}{
		"started by a server":              {served: true},
		"with a server's flags":            {served: true, args: []string{"-ca-cert=x"}},
		"started by hand":                  {status: 1, answered: true, stderr: "help"},
		"with flags that it does not have": {args: []string{"serve"}, status: 1, answered: true, stderr: "help"},
		"asked for its version":            {args: []string{"-version"}, answered: true, stdout: "p v1.2.3\n"},
		"asked with two dashes":            {args: []string{"--version"}, answered: true, stdout: "p v1.2.3\n"},
		"asked by a server":                {args: []string{"-v"}, served: true, answered: true, stdout: "p v1.2.3\n"},
		"asked for help":                   {args: []string{"-h"}, answered: true, stdout: "help"},
		"asked for help with two dashes":   {args: []string{"--help"}, answered: true, stdout: "help"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			p := Plugin{
				Name: "p", Version: "v1.2.3", Served: c.served, Help: func(string, string) string { return "help" },
			}
			status, answered := p.Answer(c.args, &stdout, &stderr)
			require.Equal(t, c.status, status)
			require.Equal(t, c.answered, answered)
			require.Equal(t, c.stdout, stdout.String())
			require.Equal(t, c.stderr, stderr.String())
		})
	}
}

func TestTheFilesRealNameAndChecksumAreUsed(t *testing.T) {
	command, sum := Plugin{Name: "p"}.file()
	path, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	want := sha256.Sum256(content)
	require.Equal(t, filepath.Base(path), command)
	require.Equal(t, hex.EncodeToString(want[:]), sum)
}

package monitoring

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// blocks finds the shell blocks of a page: what follows sh on the fence, and the commands.
var blocks = regexp.MustCompile("(?ms)^ *```sh *([^\n]*)\n(.*?)^ *```$")

// tokenBlock is on the fence of the block that makes the token of Prometheus: nothing.
const tokenBlock = ""

var yamlBlock = regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```$")

// shellBlock is the only block of docs/monitoring.md with this on its fence.
func shellBlock(t *testing.T, fence string) (script string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/monitoring.md")
	require.NoError(t, err)
	for _, block := range blocks.FindAllStringSubmatch(string(page), -1) {
		if block[1] == fence {
			require.Empty(t, script, "there are two")
			script = block[2]
		}
	}
	require.NotEmpty(t, script)
	return script
}

func TestPromtoolAcceptsTheFilesAsTheDocsSay(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"prometheus.yml", "alerts.yml"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), shippedWith(t, name, nil), 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vault.token"), []byte("token"), 0o600))
	const fence = "not-run: promtool comes with Prometheus; the tests of test/monitoring run this"
	runIn(t, dir, shellBlock(t, fence), "PATH="+filepath.Dir(tool(t, "promtool"))+":"+os.Getenv("PATH"))
}

func TestPromtoolAcceptsTheJobOfANode(t *testing.T) {
	page, err := os.ReadFile("../../docs/monitoring.md")
	require.NoError(t, err)
	found := yamlBlock.FindAllSubmatch(page, -1)
	require.Len(t, found, 1)
	name := filepath.Join(t.TempDir(), "prometheus.yml")
	require.NoError(t, os.WriteFile(name, append([]byte("scrape_configs:\n"), found[0][1]...), 0o600))
	promtool(t, "check", "config", name)
}

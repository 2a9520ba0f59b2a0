package e2e

import (
	"go/format"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// ciPage has a script and jobs for the users' own CI.
const ciPage = "docs/ci.md"

// TestTheJobsForCIRunAsPrinted runs the commands of both jobs in a repository like a user's: it has the page's script
// and Go tests, and a clone of this repository.
func TestTheJobsForCIRunAsPrinted(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		if s.vault.platform.name == "vault" { // The page is for Vault.
			runJobs(t, s.vault.platform)
		}
	})
}

func runJobs(t *testing.T, p platform) {
	text, err := os.ReadFile(filepath.Join(root, ciPage))
	require.NoError(t, err)
	page := string(text)
	lines := jobs(t, page)
	repository := usersRepository(t, page, p.bin)

	cmd := exec.Command("bash", "-euo", "pipefail", "-c", strings.Join(lines, "\n"))
	cmd.Dir = repository
	// The temporary folder of a test has a long name, and that of a plugin's socket is limited.
	tmp, err := os.MkdirTemp("", "ci-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(tmp)) })
	cmd.Env = append(append(os.Environ(), goEnvironment(t)...),
		"HOME="+repository, "TMPDIR="+tmp, "VAULT_ADDR=http://"+freeAddresses(t, 1)[0], "GOFLAGS=-mod=mod", "GOPROXY=off")
	began := time.Now()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", lines, out)
	t.Log("the jobs took", time.Since(began))
	require.Regexp(t, `(?m)^ok\s+example\.com/app\s`, string(out))
	left, err := filepath.Glob(filepath.Join(tmp, "tmp.*"))
	require.NoError(t, err)
	require.Empty(t, left, "the script leaves its folder")
	requireNoneOf(t, tmp)

	path := "PATH=" + filepath.Join(repository, "cache") + string(os.PathListSeparator) + os.Getenv("PATH")
	runByHand(t, filepath.Join(repository, "alicloudkms"), append(slices.Clone(cmd.Env), path))
	requireNoneOf(t, tmp) // Their files are removed next.
}

// runByHand runs the commands that getting-started has for those who don't use make dev, and then its others, in a copy
// of this repository.
func runByHand(t *testing.T, dir string, env []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "getting-started.md"))
	require.NoError(t, err)
	_, byHand, _ := strings.Cut(string(text), "## The same by hand")
	terminals := regexp.MustCompile("(?s)```sh not-run: [^\n]*\n(.*?)```").FindAllStringSubmatch(byHand, -1)
	require.Len(t, terminals, 2)
	address := freeAddresses(t, 1)[0]
	env = append(slices.Clone(env), "VAULT_DEV_LISTEN_ADDRESS="+address)

	first := exec.Command("bash", "-euo", "pipefail", "-c", terminals[0][1])
	first.Dir, first.Env = dir, env
	servers.OwnGroup(first)
	running, err := servers.Start(first, filepath.Join(t.TempDir(), "first.log"))
	require.NoError(t, err)
	defer func() {
		require.NoError(t, syscall.Kill(-running.PID(), syscall.SIGTERM))
		<-running.Done()
	}()
	require.NoError(t, running.Await(func() bool {
		answer, err := http.Get("http://" + address + "/v1/sys/health")
		if err == nil {
			answer.Body.Close()
		}
		_, missing := os.Stat(filepath.Join(dir, "kms.env"))
		return err == nil && answer.StatusCode == http.StatusOK && missing == nil
	}), running.Tail())

	script, err := shellBlocks(string(text))
	require.NoError(t, err)
	second := exec.Command("bash", "-euo", "pipefail", "-c",
		strings.Replace(terminals[1][1], "127.0.0.1:8200", address, 1)+script)
	second.Dir, second.Env = dir, env
	out, err := second.CombinedOutput()
	require.NoError(t, err, "%s\n%s", out, running.Tail())
}

// jobs returns the commands of both jobs of the page, which must be the same.
func jobs(t *testing.T, page string) []string {
	t.Helper()
	var github struct {
		Jobs map[string]struct {
			RunsOn string `yaml:"runs-on"`
			Steps  []struct{ Uses, Run string }
		}
	}
	var gitlab struct {
		Test struct {
			Image  string
			Before []string `yaml:"before_script"`
			Script []string
		}
	}
	code := blocks(page, "yaml")
	require.Len(t, code, 2)
	require.NoError(t, yaml.Unmarshal([]byte(code[0]), &github))
	require.NoError(t, yaml.Unmarshal([]byte(code[1]), &gitlab))
	require.NotEmpty(t, github.Jobs["test"].RunsOn)
	require.NotEmpty(t, gitlab.Test.Image)
	require.Len(t, gitlab.Test.Before, 1, "is anything but the clone not run here?")
	require.Contains(t, gitlab.Test.Before[0], "git clone")
	var lines []string
	for _, step := range github.Jobs["test"].Steps {
		require.NotEqual(t, step.Uses == "", step.Run == "", "a step either uses an action or runs a command")
		if step.Run != "" {
			lines = append(lines, step.Run)
		}
	}
	require.Equal(t, lines, gitlab.Test.Script)
	return lines
}

// usersRepository makes a Go module with what the page prints, a copy of this repository, and a cache with Vault in it.
func usersRepository(t *testing.T, page, vault string) string {
	t.Helper()
	dir := t.TempDir()
	_, script, found := strings.Cut(page, "```sh not-run: another test runs it\n")
	require.True(t, found)
	script, _, _ = strings.Cut(script, "```\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "with-kms.sh"), []byte(script), 0o700))
	for i, code := range blocks(page, "go") {
		name := filepath.Join(dir, []string{"vault_test.go", "kms_test.go"}[i])
		require.NoError(t, os.WriteFile(name, formatted(t, code), 0o600))
	}
	ownModule(t, dir)

	copySources(t, filepath.Join(dir, "alicloudkms"))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "cache"), 0o700))
	require.NoError(t, os.Symlink(vault, filepath.Join(dir, "cache", "vault")))
	return dir
}

// copySources copies this repository without its tests, and without what is not part of it: history and binaries.
func copySources(t *testing.T, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", "bin", "test"}, entry.Name()) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Mkdir(filepath.Join(to, name), 0o700)
		}
		return copyFile(path, filepath.Join(to, name))
	}))
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// formatted returns Go code, which must be formatted as by gofmt.
func formatted(t *testing.T, code string) []byte {
	t.Helper()
	out, err := format.Source([]byte(code))
	require.NoError(t, err)
	require.Equal(t, string(out), code, "gofmt")
	return out
}

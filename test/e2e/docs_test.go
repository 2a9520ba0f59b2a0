package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// A shell block of the docs is fenced with ```sh, and is run as printed. A block that can't be run here says why on its
// fence: ```sh not-run: the reason
const (
	fence  = "```"
	shell  = "sh"
	notRun = "not-run:"
)

// shellBlocks returns the shell blocks of a document that should run, as one script.
func shellBlocks(document string) (script string, err error) { return shellBlocksWith(document, "") }

// shellBlocksWith returns the blocks that should run, and those that should not for a reason.
func shellBlocksWith(document, reason string) (script string, err error) {
	var b strings.Builder
	inside, wanted := false, false
	number := 0
	for line := range strings.Lines(document) {
		number++
		info, isFence := strings.CutPrefix(strings.TrimSpace(line), fence)
		switch {
		case isFence && inside:
			inside, wanted = false, false
		case isFence:
			inside = true
			language, rest, _ := strings.Cut(info, " ")
			why, marked := strings.CutPrefix(strings.TrimSpace(rest), notRun)
			why = strings.TrimSpace(why)
			if language == shell && rest != "" && (!marked || why == "") {
				return "", fmt.Errorf("line %d: %q gives no reason why the block is not run", number, info)
			}
			wanted = language == shell && (!marked || why == reason)
		case wanted:
			b.WriteString(line)
		}
	}
	if inside {
		return "", fmt.Errorf("the last block is not closed")
	}
	return b.String(), nil
}

func TestShellBlocksAreFoundByTheirFence(t *testing.T) {
	script, err := shellBlocks("```sh\none\n```\ntext\n```text\ntwo\n```\n```sh not-run: a reason\nthree\n```\n```sh\nfour\n```\n")
	require.NoError(t, err)
	require.Equal(t, "one\nfour\n", script)
	const three = "```sh\none\n```\n```sh not-run: a reason\ntwo\n```\n```sh not-run: another\nthree\n```\n"
	script, err = shellBlocksWith(three, "a reason")
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\n", script)
	for _, bad := range []string{"```sh not-run:\n```\n", "```sh norun\n```\n", "```sh\n"} {
		_, err := shellBlocks(bad)
		require.Error(t, err, bad)
	}
}

const root = "../.."

// TestDocsRunAsPrinted runs each document's shell blocks in order, in one shell, in the state that `make dev` sets up:
// the engine is mounted at alicloudkms/, and the environment has the exported variables.
func TestDocsRunAsPrinted(t *testing.T) {
	found := documents(t)
	onEach(t, func(t *testing.T, s *stage) {
		for _, document := range found {
			if isTutorial(document) {
				continue // TestTutorials runs these.
			}
			t.Run(document, func(t *testing.T) {
				text, err := os.ReadFile(filepath.Join(root, document))
				require.NoError(t, err)
				script, err := shellBlocks(string(text))
				require.NoError(t, err)
				if script != "" {
					s.runAsPrinted(t, script)
				}
			})
		}
	})
}

// documents returns the paths, relative to the root, of all pages in the root and in docs.
func documents(t *testing.T) []string {
	t.Helper()
	found := []string{"README.md", "CONTRIBUTING.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			path, err = filepath.Rel(root, path)
			found = append(found, path)
		}
		return err
	})
	require.NoError(t, err)
	return found
}

func TestDocumentsInSubfoldersAreFound(t *testing.T) {
	require.Subset(t, documents(t),
		[]string{"README.md", filepath.Join("docs", "engine.md"), filepath.Join("docs", "engine", "encrypt.md")})
}

// onFreePorts replaces the ports that readers see: another program of this machine may have them.
func onFreePorts(t *testing.T, text string) string {
	t.Helper()
	ports := []string{":8200", ":8201", ":8300", ":8301", ":8443", ":9870"}
	for i, free := range freeAddresses(t, len(ports)) {
		text = strings.ReplaceAll(text, ports[i], strings.TrimPrefix(free, "127.0.0.1"))
	}
	return text
}

func (s *stage) runAsPrinted(t *testing.T, script string) {
	t.Helper()
	s.mountAsPrinted(t)
	s.runAgainst(t, script)
}

// mountAsPrinted mounts the engine at alicloudkms/, as `make dev` does, until the test ends.
func (s *stage) mountAsPrinted(t *testing.T) {
	t.Helper()
	sys := s.vault.Client.Sys()
	require.NoError(t, sys.Mount("alicloudkms", &api.MountInput{
		Type: pluginName, Config: api.MountConfigInput{PluginVersion: stampedVersion},
	}))
	t.Cleanup(func() { require.NoError(t, sys.Unmount("alicloudkms")) })
}

// runAgainst runs a shell script in an empty folder, with vault and alicloudkms on its path and with the environment of
// `make dev`, to which more variables are added.
func (s *stage) runAgainst(t *testing.T, script string, more ...string) {
	t.Helper()
	// The temporary folder of a test has a long name, and the path of a socket is short.
	work, err := os.MkdirTemp("", "docs-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(work)) })
	path := filepath.Join(work, "path")
	require.NoError(t, os.Mkdir(path, 0o700))
	for _, name := range []string{"vault", "bao"} {
		require.NoError(t, os.Symlink(s.vault.platform.bin, filepath.Join(path, name)))
	}
	require.NoError(t, os.Symlink(shared.service(), filepath.Join(path, "alicloudkms")))
	require.NoError(t, os.Symlink(shared.plugin(), filepath.Join(path, pluginName)))

	script = onFreePorts(t, script)
	// A script that ends leaves nothing running, which would keep its output open, or write to a folder that is removed.
	const trap = "trap 'kill $(jobs -pr) 2>/dev/null || true; wait' EXIT\n"
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", trap+script)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "HOME="+work, "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"),
		"GORACE=atexit_sleep_ms=0") // The race detector would let each command sleep a second at its end.
	// OpenBao takes Vault's names too, unless it has its own. The pages set Vault's.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "BAO_") })
	cmd.Env = append(cmd.Env, "VAULT_ADDR=http://"+s.vault.Address, "VAULT_TOKEN="+s.vault.Client.Token())
	for name, value := range s.kms.Exports {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, more...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s\n%s", script, out)
}

package main

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clusterAddress in the banner is the port of the listener plus one; the listener's own is printed as configured.
var clusterAddress = regexp.MustCompile(`cluster address: "127\.0\.0\.1:(\d+)"`)

// startVault starts a Vault in development mode, which checks the checksums of plugins like any other, and returns the
// environment for its commands.
func startVault(t *testing.T, plugins string) []string {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv("VAULT_BIN"), "vault"))
	if err != nil {
		requireProgram(t, "vault")
	}
	home, path := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(program, filepath.Join(path, "vault")))
	config := filepath.Join(home, "config.hcl")
	settings := "disable_mlock = true\nplugin_directory = " + strconv.Quote(plugins)
	require.NoError(t, os.WriteFile(config, []byte(settings), 0o600))
	banner, err := os.Create(filepath.Join(home, "banner"))
	require.NoError(t, err)
	cmd := exec.Command(program, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root",
		"-dev-listen-address=127.0.0.1:0", "-config="+config)
	cmd.Stdout, cmd.Stderr, cmd.Env = banner, banner, append(os.Environ(), "HOME="+home)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
		require.NoError(t, banner.Close())
	})
	port := ""
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(banner.Name())
		match := clusterAddress.FindSubmatch(content)
		if err != nil || match == nil || !bytes.Contains(content, []byte("Root Token: root")) {
			return false
		}
		cluster, err := strconv.Atoi(string(match[1]))
		port = strconv.Itoa(cluster - 1)
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	return append(os.Environ(), "HOME="+home, "PATH="+path+":"+os.Getenv("PATH"),
		"VAULT_ADDR=http://127.0.0.1:"+port, "VAULT_TOKEN=root")
}

// TestTheStanzaRegistersThePlugin runs the stanza in a real Vault, with the archive's file, and uses the engine once.
func TestTheStanzaRegistersThePlugin(t *testing.T) {
	plugins, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	program := unpacked(t, engine.Name)[engine.Name]
	require.NoError(t, os.WriteFile(filepath.Join(plugins, engine.Name), program, 0o755))
	environment := startVault(t, plugins)
	sh := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
		cmd.Env = environment
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	stanza, err := os.ReadFile(filepath.Join(made.Out, engine.Name+"_"+version+"_linux_amd64.register.txt"))
	require.NoError(t, err)
	sh(string(stanza))
	require.Equal(t, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		sh("vault write -field=sum alicloudkms/hash input=aGVsbG8="), "the hash of hello")
	require.Equal(t, version, sh("vault read -field=running_plugin_version sys/mounts/alicloudkms"))
}

func TestTheSealsStanzaHasTheFilesChecksum(t *testing.T) {
	stanza, err := os.ReadFile(filepath.Join(made.Out, sealer.Name+"_"+version+"_linux_amd64.register.txt"))
	require.NoError(t, err)
	sum, err := fileSum(extracted(t, sealer.Name))
	require.NoError(t, err)
	require.Contains(t, string(stanza), `sha256sum = "`+sum+`"`)
	require.Contains(t, string(stanza), `command   = "`+sealer.Name+`"`)
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// debFile and rpmFile are the packages of a program.
func debFile(program string) string {
	return filepath.Join(made.Out, program+"_"+strings.TrimPrefix(version, "v")+"_amd64.deb")
}

func rpmFile(program string) string {
	return filepath.Join(made.Out, program+"-"+strings.TrimPrefix(version, "v")+"-1.x86_64.rpm")
}

// serverPaths are files that only the service's package has. The completion for zsh is not among them, since its path
// depends on the format.
var serverPaths = []string{
	"usr/lib/systemd/system/alicloudkms.service",
	"usr/lib/sysusers.d/alicloudkms.conf",
	"usr/share/bash-completion/completions/alicloudkms",
	"usr/share/fish/vendor_completions.d/alicloudkms.fish",
	"usr/share/man/man1/alicloudkms.1.gz",
	"usr/share/man/man1/alicloudkms-server.1.gz",
	"usr/share/alicloudkms/monitoring/alerts.yml",
	"usr/share/alicloudkms/monitoring/kms-service.json",
}

func requireInstalled(t *testing.T, root string, program Program) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, program.Packaged, program.Name))
	require.NoError(t, err)
	require.Equal(t, unpacked(t, program.Name)[program.Name], content, "it is the archive's")
	out := output(t, filepath.Join(root, program.Packaged, program.Name), "-version")
	require.Contains(t, out, version)
	require.FileExists(t, filepath.Join(root, "usr/share/doc", program.Name, "copyright"))
	if program.Name != server.Name {
		return
	}
	for _, path := range serverPaths {
		require.FileExists(t, filepath.Join(root, path))
	}
	unit, err := os.ReadFile(filepath.Join(root, serverPaths[0]))
	require.NoError(t, err)
	require.Contains(t, string(unit), "\nExecStart=/usr/bin/alicloudkms server ")
	require.NotContains(t, string(unit), "/usr/local")
}

func TestDebsUnpack(t *testing.T) {
	requireProgram(t, "dpkg-deb")
	for _, program := range programs {
		root := t.TempDir()
		output(t, "dpkg-deb", "-x", debFile(program.Name), root)
		requireInstalled(t, root, program)
		require.NoDirExists(t, filepath.Join(root, "etc"))
		require.Equal(t, "9.8.7\n", output(t, "dpkg-deb", "-f", debFile(program.Name), "Version"))
		for line := range strings.Lines(output(t, "dpkg-deb", "-c", debFile(program.Name))) {
			require.Contains(t, line, " root/root ")
			require.Contains(t, line, " ./usr/")
		}
	}
}

func TestRPMsUnpack(t *testing.T) {
	requireProgram(t, "rpm2cpio")
	requireProgram(t, "cpio")
	for _, program := range programs {
		root := t.TempDir()
		output(t, "sh", "-c", `rpm2cpio "$1" | (cd "$2" && cpio -id --quiet --no-absolute-filenames)`, "sh",
			rpmFile(program.Name), root)
		requireInstalled(t, root, program)
		require.NoDirExists(t, filepath.Join(root, "etc"))
	}
}

// aRoot returns the folder of another system, which has no packages, and dpkg's arguments for it.
func aRoot(t *testing.T) (root string, dpkg func(args ...string)) {
	t.Helper()
	root = t.TempDir()
	for _, folder := range []string{"info", "updates", "triggers"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, "var/lib/dpkg", folder), 0o755))
	}
	for _, file := range []string{"status", "available"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, "var/lib/dpkg", file), nil, 0o600))
	}
	return root, func(args ...string) {
		t.Helper()
		// The scripts run here, with the other root in DPKG_ROOT, since there is no shell in it.
		output(t, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--log=/dev/null"}, args...)...)
	}
}

func TestPackagesComeAndGoAndDataAndConfigurationStay(t *testing.T) {
	requireProgram(t, "dpkg")
	if os.Getuid() != 0 {
		t.Log("dpkg installs only for root; the packages were unpacked in other tests")
		return
	}
	root, dpkg := aRoot(t)
	for _, program := range programs {
		dpkg("--install", debFile(program.Name))
		require.FileExists(t, filepath.Join(root, program.Packaged, program.Name))
	}
	kept := []string{"etc/alicloudkms/server.hcl", "var/lib/alicloudkms/store.db", "var/log/alicloudkms/audit.log"}
	for _, path := range kept {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(path), 0o600))
	}
	requireKept := func() {
		t.Helper()
		for _, path := range kept {
			content, err := os.ReadFile(filepath.Join(root, path))
			require.NoError(t, err)
			require.Equal(t, path, string(content))
		}
	}
	dpkg("--install", debFile(server.Name)) // An upgrade, to the same version.
	requireKept()
	for _, action := range []string{"--remove", "--purge"} {
		dpkg(action, server.Name)
		requireKept()
	}
	require.NoFileExists(t, filepath.Join(root, server.Packaged, server.Name))
	require.FileExists(t, filepath.Join(root, engine.Packaged, engine.Name))
}

func TestManReadsThePages(t *testing.T) {
	requireProgram(t, "dpkg-deb")
	requireProgram(t, "man")
	root := t.TempDir()
	output(t, "dpkg-deb", "-x", debFile(server.Name), root)
	pages, err := filepath.Glob(filepath.Join(root, "usr/share/man/man1/*"))
	require.NoError(t, err)
	docs, err := filepath.Glob("../../docs/alicloudkms-*.md")
	require.NoError(t, err)
	require.Len(t, pages, len(docs)+1, "each of the docs, and a list of them")
	for _, page := range pages {
		text := output(t, "sh", "-c", `MANWIDTH=80 man --warnings -l "$1" | col -b`, "sh", page)
		require.NotContains(t, text, "warning:")
		require.Contains(t, text, "\nNAME\n")
		require.NotContains(t, text, "](")
		require.NotContains(t, text, "|---")
	}
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// recordingShell is the /bin/sh of a system. It runs scripts, and notes those of our packages, with their arguments. A
// package manager may run a copy of a script under another name.
const recordingShell = `#!SHELL
for script in /package/*; do
	if cmp -s "$script" "$1"; then
		name=${script##*/}
		(shift && echo "$name $*" | sed 's/ $//' >>/calls)
	fi
done
exec SHELL "$@"
`

// recordingCommand notes that it was called, and does nothing.
const recordingCommand = `#!SHELL
echo "${0##*/} $*" >>/calls
`

// A system is the root folder of another Linux, with a shell and what the scripts of packages call.
type system struct {
	t          *testing.T
	root       string
	hasSystemd bool
	// kept is how the operator's files look.
	kept map[string]look
}

// A look is the part of a file that must not change.
type look struct {
	content  string
	mode     os.FileMode
	uid, gid uint32
}

// aSystem returns a system that runs systemd, or an older one that has only useradd.
func aSystem(t *testing.T, hasSystemd bool) system {
	t.Helper()
	s := system{t, t.TempDir(), hasSystemd, map[string]look{}}
	require.NoError(t, os.Chmod(s.root, 0o755))
	shell := s.copyProgram("dash")
	for _, name := range []string{"cmp", "sed", "getent", "useradd"} {
		s.copyProgram(name)
	}
	s.write("bin/sh", strings.ReplaceAll(recordingShell, "SHELL", shell), 0o755)
	s.copyScripts()
	for path, content := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "etc/group": "root:x:0:\n",
		"etc/shadow": "", "etc/gshadow": "", "etc/login.defs": "",
		"var/lib/dpkg/status": "", "var/lib/dpkg/available": "", "var/lib/dpkg/info/format": "1\n",
		"dev/null": "", "var/tmp/none": "",
	} {
		s.write(path, content, 0o644)
	}
	for _, folder := range []string{"updates", "triggers"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.root, "var/lib/dpkg", folder), 0o755))
	}
	if hasSystemd {
		require.NoError(t, os.MkdirAll(filepath.Join(s.root, "run/systemd/system"), 0o755))
		for _, name := range []string{"systemctl", "systemd-sysusers"} {
			s.write("usr/bin/"+name, strings.ReplaceAll(recordingCommand, "SHELL", shell), 0o755)
		}
	}
	return s
}

// copyScripts copies the scripts of the package to where the shell compares them.
func (s system) copyScripts() {
	s.t.Helper()
	scripts, err := filepath.Glob("package/*.sh")
	require.NoError(s.t, err)
	require.NotEmpty(s.t, scripts)
	for _, script := range scripts {
		content, err := os.ReadFile(script)
		require.NoError(s.t, err)
		s.write(script, string(content), 0o644)
	}
}

func (s system) write(path, content string, mode os.FileMode) {
	s.t.Helper()
	require.NoError(s.t, os.MkdirAll(filepath.Dir(filepath.Join(s.root, path)), 0o755))
	require.NoError(s.t, os.WriteFile(filepath.Join(s.root, path), []byte(content), mode))
}

func (s system) read(path string) string {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.root, path))
	require.NoError(s.t, err)
	return string(content)
}

func (s system) look(path string) look {
	s.t.Helper()
	info, err := os.Stat(filepath.Join(s.root, path))
	require.NoError(s.t, err)
	of := info.Sys().(*syscall.Stat_t)
	return look{s.read(path), info.Mode(), of.Uid, of.Gid}
}

// copyProgram copies a program of this machine with its libraries, and returns its path.
func (s system) copyProgram(name string) string {
	s.t.Helper()
	program, err := exec.LookPath(name)
	require.NoError(s.t, err)
	for _, path := range append(strings.Fields(output(s.t, "ldd", program)), program) {
		if !filepath.IsAbs(path) {
			continue
		}
		content, err := os.ReadFile(path)
		require.NoError(s.t, err)
		s.write(path, string(content), 0o755)
	}
	return program
}

// calls returns the calls that were noted since the last time.
func (s system) calls() []string {
	s.t.Helper()
	noted := s.read("calls")
	require.NoError(s.t, os.Remove(filepath.Join(s.root, "calls")))
	return strings.Split(strings.TrimSpace(noted), "\n")
}

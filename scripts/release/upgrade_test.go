package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// gone is a file that only the previous version has.
const gone = "usr/share/man/man1/alicloudkms-gone.1.gz"

// previous returns the folder with the service's packages of the version before, which have a stand-in for the program.
func previous(t *testing.T) string {
	t.Helper()
	work := t.TempDir()
	r := &Release{Root: made.Root, Out: t.TempDir(), Version: "v9.8.6", Time: made.Time}
	b := Built{server, Platform{"linux", "amd64"}, filepath.Join(work, "program")}
	require.NoError(t, os.WriteFile(b.File, []byte("#!/bin/sh\n"), 0o755))
	extras, err := serviceFiles(t.Context(), r, []Built{b}, work)
	require.NoError(t, err)
	for _, format := range formats {
		require.NoError(t, r.pack(b, format, append(extras[format], packaged{"/" + gone, 0o644, nil}), work))
	}
	return r.Out
}

// A step is a command in a package's life, and the calls that follow from it, in order.
type step struct{ command, calls []string }

// A manager is a package manager with the steps of the service's package.
type manager struct {
	name                            string
	install, upgrade, remove, purge step
	// configurationFiles lists those of the package.
	configurationFiles []string
}

const (
	sysusersCall = "systemd-sysusers alicloudkms.conf"
	reloadCall   = "systemctl daemon-reload"
	disableCall  = "systemctl --no-reload disable --now alicloudkms.service"
)

// aDpkg acts on the system with a root folder, as rpm does; both change into it to run scripts.
func aDpkg(root, previous string) manager {
	dpkg := func(args ...string) []string {
		return slices.Concat([]string{"dpkg", "--root=" + root, "--log=/dev/null"}, args)
	}
	return manager{
		name: "dpkg",
		install: step{
			dpkg("--install", filepath.Join(previous, "alicloudkms_9.8.6_amd64.deb")),
			[]string{"after-install.sh configure", sysusersCall, reloadCall},
		},
		upgrade: step{dpkg("--install", debFile(server.Name)), []string{
			"before-remove.sh upgrade 9.8.7", "after-remove.sh upgrade 9.8.7", reloadCall,
			"after-install.sh configure 9.8.6", sysusersCall, reloadCall,
		}},
		remove: step{dpkg("--remove", server.Name), []string{
			"before-remove.sh remove", disableCall, "after-remove.sh remove", reloadCall,
		}},
		purge: step{dpkg("--purge", server.Name), []string{"after-remove.sh purge", reloadCall}},
		configurationFiles: []string{
			"dpkg-query", "--admindir=" + root + "/var/lib/dpkg", "-W", "-f=${Conffiles}", server.Name,
		},
	}
}

func anRPM(root, previous string) manager {
	rpm := func(args ...string) []string {
		return slices.Concat([]string{"rpm", "--root=" + root, "--nodeps"}, args)
	}
	return manager{
		name: "rpm",
		install: step{
			rpm("-i", filepath.Join(previous, "alicloudkms-9.8.6-1.x86_64.rpm")),
			[]string{"after-install.sh 1", sysusersCall, reloadCall},
		},
		upgrade: step{rpm("-U", rpmFile(server.Name)), []string{
			"after-install.sh 2", sysusersCall, reloadCall, "before-remove.sh 1", "after-remove.sh 1", reloadCall,
		}},
		remove: step{rpm("-e", server.Name), []string{
			"before-remove.sh 0", disableCall, "after-remove.sh 0", reloadCall,
		}},
		configurationFiles: []string{"rpm", "--root=" + root, "-q", "--configfiles", server.Name},
	}
}

func TestAnUpgradeKeepsConfigurationDataAndUserAndSoDoesRemoval(t *testing.T) {
	for _, name := range []string{"dpkg", "rpm"} {
		requireProgram(t, name)
	}
	if os.Getuid() != 0 {
		t.Log("only root can install into another root folder; the packages were unpacked in other tests")
		return
	}
	packages := previous(t)
	for system, hasSystemd := range map[string]bool{"systemd": true, "no systemd": false} {
		for _, manager := range []func(root, previous string) manager{aDpkg, anRPM} {
			s := aSystem(t, hasSystemd)
			m := manager(s.root, packages)
			t.Run(m.name+" with "+system, func(t *testing.T) {
				s.t = t
				s.live(m)
			})
		}
	}
}

// live takes the package through its life.
func (s system) live(m manager) {
	s.t.Helper()
	s.take(m.install)
	require.FileExists(s.t, filepath.Join(s.root, gone))
	if !s.hasSystemd {
		require.Contains(s.t, s.read("etc/passwd"), "\nalicloudkms:x:")
	}
	s.operate()
	s.take(m.upgrade)
	requireInstalled(s.t, s.root, server)
	require.NoFileExists(s.t, filepath.Join(s.root, gone))
	require.Empty(s.t, output(s.t, m.configurationFiles[0], m.configurationFiles[1:]...))
	s.take(m.remove)
	require.NoFileExists(s.t, filepath.Join(s.root, server.Packaged, server.Name))
	require.NoFileExists(s.t, filepath.Join(s.root, serverPaths[0]))
	s.take(m.purge)
}

// take runs the command of a step, and checks which calls followed and that the operator's files are untouched.
func (s system) take(step step) {
	s.t.Helper()
	if step.command == nil {
		return
	}
	output(s.t, step.command[0], step.command[1:]...)
	want := step.calls
	if !s.hasSystemd {
		want = slices.DeleteFunc(slices.Clone(want), func(call string) bool { return strings.HasPrefix(call, "system") })
	}
	require.Equal(s.t, want, s.calls())
	for path, was := range s.kept {
		require.Equal(s.t, was, s.look(path), path)
	}
}

// operate writes the files of an operator and of the service, which belong to the service's user.
func (s system) operate() {
	s.t.Helper()
	for path, mode := range map[string]os.FileMode{
		"etc/alicloudkms/server.hcl": 0o640, "etc/systemd/system/alicloudkms.service.d/limits.conf": 0o644,
		"var/lib/alicloudkms/store.db": 0o600, "var/log/alicloudkms/audit.log": 0o600,
	} {
		s.write(path, path, mode)
		require.NoError(s.t, os.Chown(filepath.Join(s.root, path), 999, 999))
		s.kept[path] = s.look(path)
	}
	s.kept["etc/passwd"] = s.look("etc/passwd")
}

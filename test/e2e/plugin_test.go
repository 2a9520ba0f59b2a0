package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// plugin returns the process of the stage's only mount.
func (s *stage) plugin(t *testing.T) (pid int) {
	t.Helper()
	running := s.pluginProcesses(t)
	require.Len(t, running, 1, "Vault must run the plugin once for each mount")
	return running[0]
}

// pluginProcesses returns the processes of all mounts of the stage's server.
func (s *stage) pluginProcesses(t *testing.T) []int {
	t.Helper()
	running, err := s.vault.children(shared.plugin())
	require.NoError(t, err)
	return running
}

// comesBack waits until use succeeds: Vault restarts a plugin that has exited at the next request.
func (s *stage) comesBack(t *testing.T, use func() error) {
	t.Helper()
	require.NoError(t, s.vault.Await(func() bool { return use() == nil }))
}

// pluginSockets counts the plugin's open sockets. It reads Linux's /proc.
func (s *stage) pluginSockets(t *testing.T) int {
	t.Helper()
	open, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(s.plugin(t)), "fd", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, open)
	sockets := 0
	for _, file := range open {
		// A descriptor that was closed meanwhile can't be read.
		if target, _ := os.Readlink(file); strings.HasPrefix(target, "socket:") {
			sockets++
		}
	}
	return sockets
}

var goroutine = regexp.MustCompile(`goroutine \d+ .*\[.*\]:`)

// pluginGoroutines counts the plugin's goroutines and ends it: a Go program prints them on SIGQUIT, and a plugin's
// output is in Vault's log.
func (s *stage) pluginGoroutines(t *testing.T) int {
	t.Helper()
	from := s.vault.logged(t)
	require.NoError(t, syscall.Kill(s.plugin(t), syscall.SIGQUIT))
	require.NoError(t, s.vault.Await(func() bool { return s.vault.printed(from, "plugin process exited") }))
	text, err := os.ReadFile(s.vault.Log())
	require.NoError(t, err)
	found := goroutine.FindAll(text[from:], -1)
	require.NotEmpty(t, found)
	return len(found)
}

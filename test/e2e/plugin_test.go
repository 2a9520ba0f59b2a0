package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// plugin returns the process of the mount that was made last.
func (s *stage) plugin(m *mount) (pid int) {
	m.t.Helper()
	running := s.pluginsSince(m.t, m.others)
	require.Len(m.t, running, 1, "Vault must run the plugin once for each mount")
	return running[0]
}

// pluginsSince returns the plugin's processes that are not among others, the earlier ones. A server that serves many
// tests may have one that belongs to no mount: Vault starts the plugin for a request, such as the rollback of each
// minute, that arrives after it has ended the process of a mount that is being removed, and never ends that one.
func (s *stage) pluginsSince(t *testing.T, others []int) []int {
	t.Helper()
	return slices.DeleteFunc(s.pluginProcesses(t), func(pid int) bool { return slices.Contains(others, pid) })
}

// pluginProcesses returns all processes of the plugin that the stage's server runs.
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
func (s *stage) pluginSockets(m *mount) int {
	t := m.t
	t.Helper()
	open, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(s.plugin(m)), "fd", "*"))
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
func (s *stage) pluginGoroutines(m *mount) int {
	t := m.t
	t.Helper()
	from := s.vault.logged(t)
	require.NoError(t, syscall.Kill(s.plugin(m), syscall.SIGQUIT))
	require.NoError(t, s.vault.Await(func() bool { return s.vault.printed(from, "plugin process exited") }))
	text, err := os.ReadFile(s.vault.Log())
	require.NoError(t, err)
	found := goroutine.FindAll(text[from:], -1)
	require.NotEmpty(t, found)
	return len(found)
}

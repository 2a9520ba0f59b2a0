package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// children returns the processes that the server started from the file exe. It reads Linux's /proc.
func (v *vaultServer) children(exe string) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return nil, errors.Join(errors.New("there is no /proc"), err)
	}
	var found []int
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // It has ended meanwhile.
		}
		// pid (name) state parent …; the name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		target, _ := os.Readlink(filepath.Join(filepath.Dir(path), "exe"))
		if fields[1] != strconv.Itoa(v.PID()) || target != exe {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		found = append(found, pid)
	}
	return found, nil
}

// processesOf returns the /proc entries of all processes whose environment holds the name of a folder.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(path string) bool {
		environ, err := os.ReadFile(path)
		return err != nil || !strings.Contains(string(environ), dir)
	})
}

// requireNoneOf requires that all processes whose environment holds the name of a folder have ended, or do so now:
// whatever ended them did not wait for each.
func requireNoneOf(t *testing.T, dir string) {
	t.Helper()
	var left []string
	for deadline := time.Now().Add(demoStopTimeout); time.Now().Before(deadline); time.Sleep(pollInterval) {
		if left = processesOf(t, dir); len(left) == 0 {
			return
		}
	}
	require.Empty(t, left, "processes of %s", dir)
}

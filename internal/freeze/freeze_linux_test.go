package freeze_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/freeze"
)

// TestMain makes the test's program one with busy threads, which ends with its standard input, if it is the child.
func TestMain(m *testing.M) {
	if os.Getenv("FREEZE_CHILD") == "" {
		os.Exit(m.Run())
	}
	for range 4 {
		go func() {
			for os.Getpid() != 0 {
			}
		}()
	}
	fmt.Println("busy")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startBusyChild(t *testing.T) *exec.Cmd {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "FREEZE_CHILD=1")
	_, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	_, err = io.ReadFull(out, make([]byte, len("busy")))
	require.NoError(t, err)
	return child
}

// states returns the states of a process's threads, such as "TTT" if all three are stopped.
func states(t *testing.T, pid int) (states string) {
	t.Helper()
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(tasks)
	require.NoError(t, err)
	for _, thread := range threads {
		stat, err := os.ReadFile(tasks + "/" + thread.Name() + "/stat")
		require.NoError(t, err)
		_, afterName, found := strings.Cut(string(stat), ") ")
		require.True(t, found)
		states += afterName[:1]
	}
	return states
}

func TestNoThreadOfASuspendedProcessRuns(t *testing.T) {
	child := startBusyChild(t)
	for range 200 {
		require.NoError(t, freeze.Process(child.Process))
		require.Empty(t, strings.Trim(states(t, child.Process.Pid), "T"))
		require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	}
}

func TestASuspendedProcessIsSuspendedAgain(t *testing.T) {
	child := startBusyChild(t)
	require.NoError(t, freeze.Process(child.Process))
	require.NoError(t, freeze.Process(child.Process))
}

func TestAProcessThatHasEndedIsNotSuspended(t *testing.T) {
	child := startBusyChild(t)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.ErrorIs(t, freeze.Process(child.Process), os.ErrProcessDone)
}

func TestTheEndOfASuspendedProcessCanBeAwaited(t *testing.T) {
	child := startBusyChild(t)
	require.NoError(t, freeze.Process(child.Process))
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	require.NoError(t, child.Process.Kill())
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(time.Minute):
		require.FailNow(t, "its end was taken")
	}
}

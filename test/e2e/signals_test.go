package e2e

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestASignalEndsTheScriptsThatExpandSubstitutions sends a signal to a script that does hardly anything else. There,
// bash 5.2 loses about one signal in ten with a plain trap.
func TestASignalEndsTheScriptsThatExpandSubstitutions(t *testing.T) {
	const script = `set -euo pipefail; . "$0"; exit_on TERM 143; echo ready; while :; do x=$(<"$1"); done`
	stage, file := filepath.Join(root, "scripts", "stage.sh"), filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("a line\n"), 0o600))
	for round := range 60 {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script, stage, file)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = bufio.NewReader(stdout).ReadString('\n')
		require.NoError(t, err)
		time.Sleep(time.Duration(round) * 100 * time.Microsecond) // The loop is elsewhere each time.
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // The status says it.
		require.Equal(t, 143, cmd.ProcessState.ExitCode())
	}
}

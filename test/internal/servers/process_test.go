package servers_test

import (
	"fmt"
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

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// start starts a shell script, which logs to a file of the test.
func start(t *testing.T, log, script string) *servers.Process {
	t.Helper()
	p, err := servers.Start(exec.Command("sh", "-c", script), log)
	require.NoError(t, err)
	t.Cleanup(p.Kill)
	return p
}

func newLog(t *testing.T) string { return filepath.Join(t.TempDir(), "log") }

func TestStopReportsHowTheProcessEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		script, failure string
		// isOver means that the process ends by itself.
		isOver bool
	}{
		"cleanly": {script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"},
		"with status 3": {
			script:  "trap 'exit 3' TERM; echo up; while :; do sleep 0.01; done",
			failure: "exit status 3\nup",
		},
		"before the stop":  {script: "echo up; exit 4", failure: "exit status 4\nup", isOver: true},
		"from that signal": {script: "echo up; exec sleep 100", failure: "signal: terminated\nup"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, newLog(t), tc.script)
			if tc.isOver {
				<-p.Done()
			} else {
				_, err := p.AwaitOutput(regexp.MustCompile("up"))
				require.NoError(t, err)
			}
			for range 2 {
				err := p.Stop()
				if tc.failure == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, tc.failure)
				}
			}
		})
	}
}

func TestProcessThatWasNeverStartedIsStopped(t *testing.T) {
	var kms servers.KMS
	require.NoError(t, kms.Stop())
}

func TestAwaitFailsWithTheLogIfTheProcessEnds(t *testing.T) {
	err := start(t, newLog(t), "echo no such file >&2; exit 1").Await(func() bool { return false })
	require.ErrorContains(t, err, "ended: exit status 1\nno such file")
}

func TestAwaitOutputIgnoresTheProcessBefore(t *testing.T) {
	log, ready := newLog(t), regexp.MustCompile(`ready at (\d+)`)
	for _, port := range []string{"1", "2"} {
		match, err := start(t, log, "echo ready at "+port+"; exec sleep 100").AwaitOutput(ready)
		require.NoError(t, err)
		require.Equal(t, port, match[1])
	}
	_, err := start(t, log, "exit 0").AwaitOutput(ready)
	require.ErrorContains(t, err, "ended")
}

func TestOwnGroupEndsAsAWhole(t *testing.T) {
	for name, end := range map[string]func(*servers.Process){
		"Stop": func(p *servers.Process) { _ = p.Stop() },
		"Kill": (*servers.Process).Kill,
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", "-c", "sleep 100 & echo child $!; wait")
			servers.OwnGroup(cmd)
			p, err := servers.Start(cmd, newLog(t))
			require.NoError(t, err)
			t.Cleanup(p.Kill)
			match, err := p.AwaitOutput(regexp.MustCompile(`child (\d+)\n`))
			require.NoError(t, err)
			child, err := strconv.Atoi(match[1])
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(child, 0), "the child runs")
			end(p)
			require.Eventually(t, func() bool { return ended(child) }, time.Minute, 10*time.Millisecond)
		})
	}
}

// ended reports whether a process has ended; one that its new parent has not reaped yet is a zombie.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return syscall.Kill(pid, 0) != nil || err == nil && strings.Contains(string(stat), ") Z ")
}

func TestClearEnvironmentKeepsWhatTheTestsAndTheShellNeed(t *testing.T) {
	gone := []string{
		"VAULT_ADDR", "BAO_TOKEN", "ALICLOUD_REGION", "ALIBABA_CLOUD_ACCESS_KEY_ID", "SSL_CERT_FILE",
		"https_proxy", "NO_PROXY",
	}
	kept := []string{"ALICLOUDKMS_REQUIRE_VAULT", "GOPROXY", "HOME"}
	for _, name := range append(gone, kept...) {
		t.Setenv(name, "set")
	}
	servers.ClearEnvironment()
	for _, name := range gone {
		_, found := os.LookupEnv(name)
		require.False(t, found, name)
	}
	for _, name := range kept {
		require.Equal(t, "set", os.Getenv(name))
	}
}

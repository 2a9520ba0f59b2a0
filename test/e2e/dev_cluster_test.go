package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// takeover is more than the longest time without a service after the active node of `make dev CLUSTER=3` is killed,
// with what the engine, Vault's command and a busy machine add.
const takeover = 2 * time.Minute

// killLine is how `make dev CLUSTER=3` says to end the active node.
var killLine = regexp.MustCompile(`(?m)^  (kill -9 \d+)$`)

func TestDevOnThreeNodesOutlivesTheActiveOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		env := filepath.Join(t.TempDir(), "env")
		d := startDemo(t, "dev", s.vault.platform.bin, "CLUSTER=3", "ENV="+env)
		require.NoError(t, d.Await(d.prints("Ctrl-C ends it all")))
		run := func(command string) (string, error) {
			out, err := exec.Command("bash", "-euc", `. "$0" && `+command, env).CombinedOutput()
			return strings.TrimSpace(string(out)), err
		}
		must := func(command string) string {
			out, err := run(command)
			require.NoError(t, err, "%s\n%s", command, out)
			return out
		}
		must(`vault write alicloudkms/config region="$ALICLOUD_REGION" endpoint="$ALICLOUD_DOMAIN" \
			ca_cert=@"$SSL_CERT_FILE" access_key="$ALICLOUD_ACCESS_KEY" secret_key="$ALICLOUD_SECRET_KEY"`)
		must("vault write -f alicloudkms/keys/payroll")
		const encrypt = "vault write -field=ciphertext alicloudkms/encrypt/payroll plaintext=MTgxNQ=="
		ciphertext := must(encrypt)

		printed, err := os.ReadFile(d.Log())
		require.NoError(t, err)
		kill := killLine.FindStringSubmatch(string(printed))
		require.NotNil(t, kill, string(printed))
		must(kill[1])
		killed := time.Now()
		works := func() bool { _, err := run(encrypt); return err == nil }
		require.Eventually(t, works, takeover, 100*time.Millisecond, d.Tail())
		t.Logf("encrypted %s after the active node was killed", time.Since(killed).Round(time.Millisecond))
		require.Equal(t, "MTgxNQ==", must("vault write -field=plaintext alicloudkms/decrypt/payroll ciphertext="+ciphertext))
		require.NoError(t, d.Await(d.prints("is the active node now")))
		require.NoError(t, d.Await(d.prints("runs again")))

		require.NoError(t, syscall.Kill(-d.PID(), syscall.SIGINT))
		require.Error(t, d.Wait())
		d.leavesNothing(t)
		require.NoFileExists(t, env)
	})
}

func TestDevRunsOnSeveralNodesOrOnNone(t *testing.T) {
	for _, nodes := range []string{"1", "12", "three"} {
		cmd := exec.Command("make", "-C", root, "dev", "CLUSTER="+nodes)
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "CLUSTER is the number of nodes, from 2 to 9")
	}
}

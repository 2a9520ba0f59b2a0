package server_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// The environment variables of a child, the test binary again, that rekeys a store and kills itself after a step.
const (
	dieAfter    = "REKEY_TEST_DIE_AFTER"
	diesStore   = "REKEY_TEST_STORE"
	diesRootKey = "REKEY_TEST_ROOT_KEY"
	diesNewKey  = "REKEY_TEST_NEW_KEY"
)

func TestMain(m *testing.M) {
	if after := os.Getenv(dieAfter); after != "" {
		fmt.Fprintln(os.Stderr, rekeyAndDie(after))
		os.Exit(1)
	}
	if command := os.Getenv(doomedCommand); command != "" {
		fmt.Fprintln(os.Stderr, runDoomed(command))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func rekeyAndDie(after string) error {
	steps, err := strconv.Atoi(after)
	if err != nil {
		return err
	}
	var c server.Config
	c.Storage.Path, c.RootKey.File = os.Getenv(diesStore), os.Getenv(diesRootKey)
	_, err = server.RekeyInSteps(context.Background(), c, os.Getenv(diesNewKey), "", func(string) {
		if steps--; steps == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // Wait for the signal.
		}
	})
	return err
}

// stepsOfARekey are the steps in which a rekey of a small store changes files, in order.
var stepsOfARekey = []string{
	"nothing is left of an earlier rekey",
	"the copy is made",
	"the store is copied",
	"the copy has today's layout",
	"the new store is made",
	"some records are written",
	"the new store is written",
	"the new store is durable",
	"the new store is checked",
	"it has its owner",
	"the old file has a second name",
	"the new file is in place",
}

func TestTheStepsOfARekey(t *testing.T) {
	var steps []string
	_, err := server.RekeyInSteps(t.Context(), closedStore(t), newRootKeyFile(t, 1), "", func(step string) {
		steps = append(steps, step)
	})
	require.NoError(t, err)
	require.Equal(t, stepsOfARekey, steps)
}

func TestARekeyThatIsKilledLeavesOneOfTheTwoStores(t *testing.T) {
	for n, step := range stepsOfARekey {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			var old oldStore
			c, dir := devConfig(t)
			c.Storage.Path = filepath.Join(dir, "store", "kms.db")
			require.NoError(t, os.Mkdir(filepath.Dir(c.Storage.Path), 0o700))
			old.put(t, "3", &c)
			newKey := newRootKeyFile(t, 1)

			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), dieAfter+"="+strconv.Itoa(n+1),
				diesStore+"="+c.Storage.Path, diesRootKey+"="+c.RootKey.File, diesNewKey+"="+newKey)
			out, err := child.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, syscall.SIGKILL, child.ProcessState.Sys().(syscall.WaitStatus).Signal(), "%s", out)

			isNew := n == len(stepsOfARekey)-1
			under := c
			under.RootKey.File = newKey
			require.Equal(t, isNew, isGood(t, under), "under the new root key")
			require.Equal(t, !isNew, isGood(t, c), "under the old root key")

			if isNew {
				require.Equal(t, []string{"kms.db", "kms.db.replaced-1"}, files(t, filepath.Dir(c.Storage.Path)),
					"nobody would come and remove more")
			}

			// It is started again, as by an operator who does not know how far it got.
			rekeyed, err := server.Rekey(t.Context(), c, newKey, "", nil)
			require.NoError(t, err)
			require.Equal(t, len(old.Keys), rekeyed.Keys)
			require.Equal(t, isNew, rekeyed.Kept == "", "there is nothing left to do")
			require.Equal(t, []string{"kms.db", "kms.db.replaced-1"}, files(t, filepath.Dir(c.Storage.Path)))
			require.True(t, isGood(t, under))
			require.False(t, isGood(t, c))
			requireDecrypts(t, under, old)
		})
	}
}

// isGood reports whether the store of c is good under its root key. If not, it requires that the store is under another
// root key.
func isGood(t *testing.T, c server.Config) bool {
	t.Helper()
	report, err := server.Check(t.Context(), c, "", nil)
	require.NoError(t, err)
	if len(report.Problems) > 0 {
		require.Len(t, report.Problems, 1)
		require.Contains(t, report.Problems[0], "another root key")
	}
	return len(report.Problems) == 0
}

// requireDecrypts requires that the store of c decrypts the ciphertexts of the old store.
func requireDecrypts(t *testing.T, c server.Config, old oldStore) {
	t.Helper()
	l := newLab(t, func(of *server.Config) { of.Storage, of.RootKey = c.Storage, c.RootKey })
	l.now = old.Now.Add(time.Second)
	tagged := slices.IndexFunc(old.Keys, func(k oldKey) bool { return k.Name == "tagged" })
	old.Keys[tagged].requireDecrypts(l)
}

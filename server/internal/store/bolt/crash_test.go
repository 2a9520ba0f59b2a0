package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
)

// crashFile is the environment variable with the path of the store that a child, a second run of the test binary,
// writes to until it is killed.
const crashFile = "STORE_TEST_CRASH_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes from several goroutines, and prints each key once it is acknowledged.
func writeUntilKilled(path string) error {
	s, err := bolt.Open(path, store.Options{})
	if err != nil {
		return err
	}
	errs := make(chan error)
	for n := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), n, i)
				err := s.Update(context.Background(), func(w store.Writer) error {
					return errors.Join(w.Put("left/"+key, make([]byte, 100)), w.Put("right/"+key, make([]byte, 100)))
				})
				if err != nil {
					errs <- err
					return
				}
				fmt.Println(key)
			}
		}()
	}
	return <-errs
}

func TestEveryAcknowledgedWriteSurvivesKill(t *testing.T) {
	path := newPath(t)
	acknowledged := map[string]bool{}
	for round := range 5 {
		for _, key := range runAndKill(t, path, 30+40*round) {
			acknowledged[key] = true
		}
		s := open(t, path, store.Options{})
		all := contents(t, s)
		for key := range acknowledged {
			require.Contains(t, all, "left/"+key)
			require.Contains(t, all, "right/"+key)
		}
		require.Equal(t, count(all, "left/"), count(all, "right/"), "half an update is in the store")
		require.NoError(t, s.Close())
	}
}

// count returns how many keys begin with prefix.
func count(all map[string]string, prefix string) (n int) {
	for key := range all {
		if strings.HasPrefix(key, prefix) {
			n++
		}
	}
	return n
}

// runAndKill starts the child, kills it once it has acknowledged n keys, and returns all acknowledged keys.
func runAndKill(t *testing.T, path string, n int) (keys []string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), crashFile+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var kill sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		keys = append(keys, lines.Text())
		if len(keys) >= n {
			kill.Do(func() { require.NoError(t, child.Process.Kill()) })
		}
	}
	require.Error(t, child.Wait(), "it was killed")
	require.GreaterOrEqual(t, len(keys), n)
	return keys
}

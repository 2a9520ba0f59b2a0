package etcd_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/freeze"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// childEndpoint is the environment variable with the endpoint of etcd for a child, a second run of the test binary.
const childEndpoint = "STORE_TEST_ETCD"

// Opening a store takes an election here, so the suite's random tests run fewer rounds. Most tests wait for leases, so
// more tests than there are processors run at the same time.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv(childEndpoint); endpoint != "" {
		fmt.Println("ended", writeUntilEnded(endpoint))
		os.Exit(0)
	}
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = flag.Set("rapid.checks", "8")
	}
	_ = flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}

// childLease is how long the lease of a child lasts, and so how long a test waits for its end.
const childLease = 2 * etcd.ShortestLease

// writeUntilEnded writes in a term from several goroutines, and prints each key once it is acknowledged.
func writeUntilEnded(endpoint string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		return err
	}
	node := etcd.Join(etcd.Options{Client: client, Prefix: prefix, Lease: childLease})
	term, err := node.Lead(context.Background(), cluster.Peer{Name: "child"})
	if err != nil {
		return err
	}
	errs := make(chan error)
	for n := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d/%d", os.Getpid(), n, i)
				err := term.Store().Update(context.Background(), func(w store.Writer) error {
					return errors.Join(w.Put("left/"+key, make([]byte, 100)), w.Put("right/"+key, make([]byte, 100)))
				})
				if err != nil {
					errs <- err
					return
				}
				// Valid must be called before the answer leaves.
				if term.Valid() {
					fmt.Println(key)
				}
			}
		}()
	}
	return <-errs
}

// child is a process that writes in a term.
type child struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	// lines are the lines that it has printed. ended is closed at the end of its output.
	lines []string
	ended chan struct{}
}

func startChild(t *testing.T, endpoint string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), os.Args[0]), ended: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), childEndpoint+"="+endpoint)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.cmd.Start())
	go func() {
		defer close(c.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			c.lines = append(c.lines, lines.Text())
			c.mu.Unlock()
		}
		_ = c.cmd.Wait()
	}()
	return c
}

func (c *child) printed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.lines...)
}

// await waits until the child has printed n lines.
func (c *child) await(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(c.printed()) >= n }, time.Minute, time.Millisecond)
}

// requireAcknowledged requires both writes of every acknowledged update, and that no update has only one of its writes.
func requireAcknowledged(t *testing.T, keys []string, all map[string]string) {
	t.Helper()
	for _, key := range keys {
		require.Contains(t, all, "left/"+key)
		require.Contains(t, all, "right/"+key)
	}
	left := 0
	for key := range all {
		if len(key) > 5 && key[:5] == "left/" {
			left++
			require.Contains(t, all, "right/"+key[5:], "half an update is in the store")
		}
	}
	require.Equal(t, len(all), 2*left)
}

func TestEveryAcknowledgedWriteSurvivesAKillOfTheActiveNode(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	standby := join(t, dial(t, server.Endpoints()...))
	c := startChild(t, server.Endpoints()[0])
	c.await(t, 100)
	require.NoError(t, c.cmd.Process.Kill())
	<-c.ended
	term := lead(t, standby, "b")
	requireAcknowledged(t, c.printed(), contents(t, term.Store().View))
}

// A suspended process does not notice that time passes. Once it continues, it must neither answer nor write.
func TestAProcessThatWasStoppedIsNoLongerActive(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	standby := join(t, dial(t, server.Endpoints()...))
	c := startChild(t, server.Endpoints()[0])
	c.await(t, 100)
	require.NoError(t, freeze.Process(c.cmd.Process))
	term := lead(t, standby, "b")
	before := contents(t, term.Store().View)
	acknowledged := c.printed()
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGCONT))
	<-c.ended
	requireAcknowledged(t, acknowledged, before)
	// Keys that it printed after it continued were acknowledged before it was stopped. They may come after its last
	// message, since its goroutines print in any order.
	ended, keys := 0, []string{}
	for _, line := range c.printed() {
		if strings.HasPrefix(line, "ended ") {
			ended++
		} else {
			keys = append(keys, line)
		}
	}
	require.Equal(t, 1, ended)
	requireAcknowledged(t, keys, before)
	require.NoError(t, put(t, term.Store(), "right/last", ""), "its writes have not broken the chain")
	require.NoError(t, put(t, term.Store(), "left/last", ""))
	require.NoError(t, term.Store().Close())
	require.Len(t, stored(t, dial(t, server.Endpoints()...)), len(before)+2)
}

package etcd_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// lines reads a log that other goroutines write.
type lines struct{ testlog.Buffer }

func (l *lines) count(what string) int {
	return strings.Count(l.String(), what)
}

func (l *lines) to(o *etcd.Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }

// Standbys notice at once what an administrator of etcd changes by hand; the active node never does.
func TestRecordsThatWereChangedByHandAreReported(t *testing.T) {
	t.Parallel()
	client := member(t)
	var log lines
	standby := join(t, client, log.to)
	term := lead(t, join(t, client), "a")
	require.NoError(t, put(t, term.Store(), "k", "v"))
	before, after := beforeAndAfter()
	for _, all := range []map[string]string{before, after} { // Both are staged.
		require.NoError(t, rewrite(t, term.Store(), all))
	}
	require.NoError(t, put(t, term.Store(), "k", "last"))
	follows := func(key, value string) {
		t.Helper()
		isSo := func() bool { return contents(t, standby.Follow)[key] == value }
		require.Eventually(t, isSo, time.Minute, time.Millisecond)
	}
	require.Eventually(t, func() bool { return standby.Status().Current }, time.Minute, time.Millisecond)
	follows("k", "last")
	require.Zero(t, log.count("has changed records"), "a node writes as nodes do")

	for n, value := range []string{"by hand", "again"} {
		_, err := client.Put(t.Context(), prefix+"data/k", value)
		require.NoError(t, err)
		follows("k", value)
		logged := func() bool { return log.count("has changed records") == n+1 }
		require.Eventually(t, logged, time.Minute, time.Millisecond)
	}
	require.Equal(t, "last", contents(t, term.Store().View)["k"])
	require.NoError(t, put(t, term.Store(), "k", "mine"), "the term goes on")
	follows("k", "mine")
}

func TestALeaderKeyThatIsNoNodesIsReported(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"no JSON": "me", "half of it": `{"name":"a","address":5}`, "a line for the log": `{"name":"a\nlevel=ERROR"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := member(t)
			var log lines
			node := join(t, client, log.to)
			_, err := client.Put(t.Context(), prefix+"leader", value)
			require.NoError(t, err)
			require.Eventually(t, func() bool { _, held := node.Leader(); return held }, time.Minute, time.Millisecond)
			leader, _ := node.Leader()
			require.Zero(t, leader)
			require.Eventually(t, func() bool { return log.count("is no node's") == 1 }, time.Minute, time.Millisecond)
			late := join(t, client, log.to)
			require.Eventually(t, func() bool { _, held := late.Leader(); return held }, time.Minute, time.Millisecond)
			require.Eventually(t, func() bool { return log.count("is no node's") == 2 }, time.Minute, time.Millisecond)

			_, err = client.Delete(t.Context(), prefix+"leader")
			require.NoError(t, err)
			lead(t, node, "a")
			leader, _ = node.Leader()
			require.Equal(t, cluster.Peer{Name: "a", Address: "127.0.0.1:1"}, leader)
		})
	}
}

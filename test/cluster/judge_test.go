package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
)

// worldLimit is the time to find an order for one world. Nearly all take milliseconds.
const worldLimit = 30 * time.Second

// judge runs all checkers on what the callers of a load have seen, once the service is whole again.
func judge(t *testing.T, l *load.Load, r *history.Recorder) {
	t.Helper()
	listed, err := l.Settle(t.Context())
	require.NoError(t, err)
	events, letters := r.Events(), r.Letters()
	faults := slices.Concat(
		history.Linearizable(events, worldLimit), history.Revoked(events), history.Kept(events, letters, listed),
		history.Once(letters, listed.Descriptions()))
	sum := history.Sum(events, letters)
	t.Logf("%s; %d keys and %d aliases in the end", sum, len(listed.Keys), len(listed.Aliases))
	require.Positive(t, sum.Done)
	report(t, faults)
}

// report fails the test for faults, and keeps their events in a file.
func report(t *testing.T, faults []history.Fault) {
	t.Helper()
	if len(faults) == 0 {
		return
	}
	file, err := os.CreateTemp("", "cluster-history-*.txt")
	require.NoError(t, err)
	defer file.Close()
	for _, f := range faults {
		t.Errorf("%s (its %d requests are in %s)", f.What, len(f.Events), filepath.Base(file.Name()))
		_, err := file.WriteString(f.String() + "\n\n")
		require.NoError(t, err)
	}
	t.Logf("the requests are in %s", file.Name())
}

package cluster

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
)

// worldLimit is the time to find an order for one world. Nearly all take milliseconds, and a few take seconds of a
// processor, which other tests use too.
const worldLimit = 2 * time.Minute

// judge runs all checkers on what the callers of a load have seen, once the service is whole again. It returns what is
// listed in the end.
func judge(t *testing.T, l *load.Load, r *history.Recorder, before history.Listed) history.Listed {
	t.Helper()
	listed, err := l.Settle(t.Context())
	require.NoError(t, err)
	events, letters := r.Events(), r.Letters()
	faults := slices.Concat(
		history.Linearizable(events, worldLimit), history.Revoked(events), history.Kept(events, letters, before, listed),
		history.Once(letters, listed.Descriptions()))
	sum := history.Sum(events, letters)
	t.Logf("%s; %d keys and %d aliases in the end", sum, len(listed.Keys), len(listed.Aliases))
	require.Positive(t, sum.Done)
	report(t, faults)
	return listed
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
	const most = 20
	for i, f := range faults {
		if i < most {
			t.Errorf("%s (%d requests)", f.What, len(f.Events))
		}
		_, err := file.WriteString(f.String() + "\n\n")
		require.NoError(t, err)
	}
	t.Logf("all %d faults, with their requests, are in %s", len(faults), file.Name())
}

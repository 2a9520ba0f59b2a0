package cluster

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
)

var (
	rounds = flag.Int("rounds", 0, "how many rounds of faults there are, instead of those of CLUSTER_SECONDS (60)")
	seed   = flag.Uint64("seed", 0, "the seed printed by an earlier run; 0 picks a new one")
)

const (
	// quota makes etcd small enough to be filled soon.
	quota = 48 << 20
	// roundsOfAHistory keeps histories short enough to be judged.
	roundsOfAHistory = 12
)

// The service keeps its promises whatever happens to its nodes, to etcd and to the network between them.
func TestTheClusterKeepsItsPromises(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(pickSeed(t), 0))
	r := newRig(t, settings{lease: shortestLease, etcd: etcdtest.Options{QuotaBytes: quota, NoSync: true}})
	n := newNemesis(r, random)
	goesOn := goesOn(t, 1)
	for goesOn(n.rounds) {
		r.live(random, func() {
			for first := n.rounds; goesOn(n.rounds) && n.rounds < first+roundsOfAHistory; {
				n.round()
			}
		})
	}
}

// pickSeed returns the seed of a test, and says how to run it again.
func pickSeed(t *testing.T) uint64 {
	t.Helper()
	picked := *seed
	if picked == 0 {
		picked = rand.Uint64()
	}
	t.Logf("repeat the choices with: go test -C test/cluster -run '^%s$' -args -rounds %d -seed %d", t.Name(), *rounds,
		picked)
	return picked
}

// goesOn returns a function that reports whether to go on after done rounds. A test has 1/part of CLUSTER_SECONDS.
func goesOn(t *testing.T, part int) func(done int) bool {
	t.Helper()
	if *rounds > 0 {
		return func(done int) bool { return done < *rounds }
	}
	seconds := 60
	if given := os.Getenv("CLUSTER_SECONDS"); given != "" {
		var err error
		seconds, err = strconv.Atoi(given)
		require.NoError(t, err)
	}
	end := time.Now().Add(time.Duration(seconds) * time.Second / time.Duration(part))
	return func(int) bool { return time.Now().Before(end) }
}

// live lets callers work while something happens to the service, and judges what they have seen.
func (r *rig) live(random *rand.Rand, happens func()) {
	r.t.Helper()
	recorder := history.NewRecorder()
	callers := load.New(r.site, recorder, rand.New(rand.NewPCG(random.Uint64(), 0)), r.listed)
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	var work sync.WaitGroup
	work.Go(func() { callers.Run(ctx) })
	happens()
	// On a busy machine, the service may have been away for all that time. A history without success proves nothing.
	require.Eventually(r.t, func() bool { return history.Sum(recorder.Events(), nil).Done > 0 }, recovery, restartAfter)
	cancel()
	work.Wait()
	r.listed = judge(r.t, callers, recorder, r.listed)
	r.check()
}

// check walks a backup of the store with the operator's own tool, which compares all indexes with the records.
func (r *rig) check() {
	r.t.Helper()
	backup := filepath.Join(r.t.TempDir(), "backup.db")
	config := r.awaitActive(recovery).config()
	for _, arguments := range [][]string{
		{"backup", "-config", config, "-to", backup}, {"check", "-config", config, "-store", backup},
	} {
		out, err := exec.CommandContext(r.t.Context(), r.program, arguments...).CombinedOutput()
		require.NoError(r.t, err, "%s", out)
	}
	require.NoError(r.t, os.Remove(backup))
}

package cluster

import (
	"context"
	"flag"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var takeovers = flag.Int("takeovers", 1, "how often each way to lose the active node is measured")

// takeoverLosses are the ways to lose the active node, and how long the service may be away then.
var takeoverLosses = []loss{
	{"kill -9", 5 * time.Second, false, func(r *rig, _ *operator, active *node) (fault, error) {
		return r.kill(active), nil
	}},
	{"step-down", 2 * time.Second, false, stepDown},
	{"kill -9 together with etcd's leader", 5*time.Second + shortestLease, true, killActiveAndLeader},
}

// enough is how many takeovers make a measurement.
const enough = 20

// A node takes over within the times that docs/cluster.md promises for the shortest lease.
func TestTakeoverIsInTime(t *testing.T) {
	if *takeovers < enough {
		t.Parallel() // Others keep the machine busy, so it is no measurement.
	}
	r := newRig(t, settings{lease: shortestLease})
	o := newOperator(t, r.etcd.Endpoints())
	p := newProbe(r)
	ctx, cancel := context.WithCancel(t.Context())
	var probing sync.WaitGroup
	defer probing.Wait()
	defer cancel()
	probing.Go(func() { p.run(ctx) })
	for _, l := range takeoverLosses {
		if l.isSlow && *takeovers < enough {
			continue
		}
		t.Run(l.name, func(t *testing.T) {
			var times []time.Duration
			for range *takeovers {
				times = append(times, p.measure(t, o, l))
			}
			slices.Sort(times)
			t.Logf("%s: the service is away for %s; the limit is %s", l.name, spread(times), l.limit)
			require.LessOrEqual(t, slices.Max(times), 2*l.limit, "even on a busy machine")
			if len(times) >= enough {
				require.LessOrEqual(t, times[len(times)*9/10], l.limit, "nine of ten")
			}
		})
	}
}

// measure loses the active node once.
func (p *probe) measure(t *testing.T, o *operator, l loss) time.Duration {
	t.Helper()
	active := p.awaitActive(recovery)
	began := time.Now()
	f, err := l.lose(p.rig, o, active)
	require.NoError(t, err)
	away := p.await(t, began)
	require.NoError(t, p.restore(f))
	return away
}

package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"
)

// A nemesis makes things go wrong, one round after another. Its choices follow from random.
type nemesis struct {
	*rig
	operator *operator
	random   *rand.Rand
	rounds   int
}

// newNemesis returns a nemesis for a whole rig.
func newNemesis(r *rig, random *rand.Rand) *nemesis {
	return &nemesis{rig: r, operator: newOperator(r.t, r.etcd.Endpoints()), random: random}
}

// round begins a fault, and in some rounds another one while that lasts, heals them, and waits until the service is
// whole again.
func (n *nemesis) round() {
	n.t.Helper()
	ctx := n.t.Context()
	n.rounds++
	time.Sleep(n.upTo(800 * time.Millisecond))
	began := time.Now()
	faults := n.begin(ctx, kinds)
	switch {
	case n.random.IntN(4) == 0:
		time.Sleep(n.upTo(time.Second))
		faults = append(faults, n.begin(ctx, kinds)...)
	case len(faults) > 0 && faults[0].meanwhile != nil:
		require.NoError(n.t, faults[0].meanwhile())
	}
	time.Sleep(200*time.Millisecond + n.upTo(2*shortestLease) + least(faults))
	lasted := time.Since(began)
	n.heal(faults)
	healed := time.Now()
	active := n.awaitActive(recovery)
	// A cluster of etcd whose history nobody compacts would be full in a while.
	require.NoError(n.t, n.operator.compact(ctx))
	n.t.Logf("round %d: %s for %s; %s is active %s later", n.rounds, names(faults), lasted.Round(time.Millisecond),
		active.name, time.Since(healed).Round(time.Millisecond))
}

// begin begins one fault. One that makes no sense beside another is left out.
func (n *nemesis) begin(ctx context.Context, kinds []kind) []fault {
	began, err := kinds[n.random.IntN(len(kinds))](ctx, n.rig, n.operator, n.random)
	if err != nil {
		n.t.Logf("round %d: left out: %s: %v", n.rounds, began.name, err)
	}
	if began.heal == nil && began.start == nil {
		return nil
	}
	return []fault{began}
}

// heal ends faults.
func (n *nemesis) heal(faults []fault) {
	n.t.Helper()
	var errs []error
	for _, last := range []bool{false, true} {
		for _, f := range faults {
			if f.isLast == last && f.heal != nil {
				errs = append(errs, f.heal())
			}
		}
		n.awaitMembers()
	}
	for _, f := range faults {
		if f.start != nil {
			errs = append(errs, f.start())
		}
	}
	require.NoError(n.t, errors.Join(errs...), "%s", names(faults))
}

func (n *nemesis) upTo(limit time.Duration) time.Duration {
	return time.Duration(n.random.Int64N(int64(limit)))
}

// least is the shortest time that lets each of the faults last as long as it must.
func least(faults []fault) (longest time.Duration) {
	for _, f := range faults {
		longest = max(longest, f.least)
	}
	return longest
}

func names(faults []fault) string {
	s := ""
	for i, f := range faults {
		if i > 0 {
			s += ", and "
		}
		s += f.name
	}
	return s
}

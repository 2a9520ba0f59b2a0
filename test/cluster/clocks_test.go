package cluster

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
)

// apart are how far the clocks of the nodes are ahead when all is well: nearly as far as candidates may be.
var apart = [size]time.Duration{0, 200 * time.Millisecond, -200 * time.Millisecond}

// The service keeps its promises while clocks of its nodes jump: here they are in the process of the test.
func TestTheClusterKeepsItsPromisesWhateverItsClocksShow(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(pickSeed(t), 1))
	r := prepareRig(t, settings{lease: shortestLease, etcd: etcdtest.Options{NoSync: true}})
	var nodes []*inside
	for i, n := range r.nodes {
		own := &inside{node: n}
		own.off.Store(int64(apart[i]))
		require.NoError(t, own.start())
		t.Cleanup(func() {
			_ = own.close()
			if t.Failed() {
				t.Logf("%s:\n%s", n.name, own.log.tail())
			}
		})
		nodes = append(nodes, own)
	}
	r.awaitActive(recovery)
	goesOn := goesOn(t, 3)
	for done := 0; goesOn(done); {
		r.live(random, func() {
			for first := done; goesOn(done) && done < first+roundsOfAHistory; done++ {
				r.jumpRound(done, nodes, random)
			}
		})
	}
}

// jumpRound begins a fault, heals it, and waits until the service is whole again.
func (r *rig) jumpRound(round int, nodes []*inside, random *rand.Rand) {
	r.t.Helper()
	time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
	active := r.awaitActive(recovery)
	f, err := insideKinds[random.IntN(len(insideKinds))](nodes, nodes[active.number], random)
	require.NoError(r.t, err, f.name)
	lasts := time.Duration(random.Int64N(int64(2 * shortestLease)))
	time.Sleep(lasts)
	require.NoError(r.t, f.heal(), f.name)
	healed := time.Now()
	after := r.awaitActive(recovery)
	r.t.Logf("round %d: %s for %s; %s is active %s later", round+1, f.name, lasts.Round(time.Millisecond), after.name,
		time.Since(healed).Round(time.Millisecond))
}

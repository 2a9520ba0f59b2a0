package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

// What the callers see of a single service, which they reach by three addresses, is what the checkers expect of three
// nodes, whatever happens between them: so what the checkers find in a cluster is a fault of the cluster.
func TestTheCheckersAgreeWithASingleService(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(pickSeed(t), 2))
	program := build(t, "alicloudkms")
	r, links := singleRig(t, program)
	n := r.nodes[0]
	r.live(random, func() {
		for range 12 {
			broken := links[random.IntN(size)]
			broken.Set([]link.Fault{
				{Cut: true},
				{HoldAnswers: true},
				{HoldRequests: true, HoldAnswers: true},
				{Delay: 100 * time.Millisecond},
			}[random.IntN(4)])
			if random.IntN(3) == 0 {
				n.kill()
				require.NoError(t, n.start(program))
			}
			time.Sleep(time.Duration(random.Int64N(int64(600 * time.Millisecond))))
			broken.Set(link.Fault{})
		}
	})
}

// singleRig starts a service on a machine of its own, and returns the links to it.
func singleRig(t *testing.T, program string) (r *rig, links []*link.Link) {
	t.Helper()
	dir, shared := newSite(t)
	n := &node{dir: dir, name: "single", shared: shared, listen: heldport.For(t), operations: heldport.For(t)}
	n.writeConfig(t, fmt.Sprintf("storage { path = %q }", dir+"/store.db"))
	t.Cleanup(n.kill)
	require.NoError(t, n.start(program))
	r = &rig{t: t, program: program, dir: dir, nodes: []*node{n}}
	var addresses []string
	for range size {
		links = append(links, newLink(t, n.listen))
		addresses = append(addresses, links[len(links)-1].Address())
	}
	r.connect(shared, addresses)
	return r, links
}

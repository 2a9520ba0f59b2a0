package alicloudkms

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A nodeClock is a clock that the nodes of a cluster share, and that only a test moves.
type nodeClock struct{ passed atomic.Int64 }

func (c *nodeClock) now() time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *nodeClock) wait(ctx context.Context, d time.Duration) error {
	c.later(d)
	return ctx.Err()
}

func (c *nodeClock) later(span time.Duration) { c.passed.Add(int64(span)) }

// nodes are a cluster: the node that writes, and two that may not and hear of changes only if a test calls Invalidate.
type nodes struct {
	*rig
	clock  *nodeClock
	others []*rig
}

// newNodes makes a configured cluster with keys in envelope mode that the other nodes have not heard of yet.
func newNodes(t *testing.T, names ...string) *nodes {
	t.Helper()
	return newNodesOn(t, newWatchedKMS(t), names...)
}

func newNodesOn(t *testing.T, service *watchedKMS, names ...string) *nodes {
	t.Helper()
	n := &nodes{rig: newRigOn(t, service), clock: new(nodeClock)}
	n.backend().process.now, n.backend().process.wait = n.clock.now, n.clock.wait
	n.write("config", goodConfig())
	for range 2 {
		n.others = append(n.others, n.standby(n.clock))
	}
	for _, name := range names {
		n.write("keys/"+name, body{"encryption": "envelope"})
	}
	return n
}

// all returns all nodes, starting with the one that writes.
func (n *nodes) all() []*rig { return append([]*rig{n.rig}, n.others...) }

// written returns how many times storage was changed.
func (s *countingStorage) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls["put"] + s.calls["delete"]
}

func TestNodeThatMayNotWriteUsesEnvelopeModeWithoutAWrite(t *testing.T) {
	for name, state := range otherNodes {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			old := r.encrypt("a", hello)
			r.write("keys/a/config", body{"encryption": "envelope"})
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			r.storage.reset("put", -1)
			sealed := r.encrypt("a", hello)
			r.opens("a", old, sealed)
			for _, ciphertext := range []string{old, sealed} {
				rewrapped := r.write("rewrap/a", body{"ciphertext": ciphertext}).Data["ciphertext"].(string)
				require.EqualValues(t, 2, messageOfText(t, rewrapped).Version)
				r.opens("a", rewrapped)
			}
			r.write("encrypt/a", body{"batch_input": []any{object("plaintext", hello), object("plaintext", "")}})
			require.Zero(t, r.storage.written())
		})
	}
}

// A nodeChange is a change of the key called a on the node that writes, which still opens earlier ciphertexts.
type nodeChange struct {
	name   string
	change func(r *rig)
	// version is the version that encrypts afterwards, and isDirect says whether it is in direct mode.
	version  int
	isDirect bool
}

var nodeChanges = []nodeChange{
	{name: "it has another data key", version: 2, change: func(r *rig) { r.write("keys/a/rotate", nil) }},
	{name: "it has a new KMS key", version: 2, change: func(r *rig) { r.write("keys/a/rotate", body{"new_cmk": true}) }},
	{name: "it has many data keys", version: 5, change: func(r *rig) {
		for range 4 {
			r.write("keys/a/rotate", nil)
		}
	}},
	{name: "it is in direct mode", version: 2, isDirect: true, change: func(r *rig) {
		r.write("keys/a/config", body{"encryption": "direct"})
	}},
	{name: "it was in direct mode for a while", version: 3, change: func(r *rig) {
		r.write("keys/a/config", body{"encryption": "direct"})
		r.write("keys/a/config", body{"encryption": "envelope"})
	}},
}

func TestNodeThatHearsLateOpensWhatTheOthersSeal(t *testing.T) {
	for _, test := range nodeChanges {
		for hears, name := range []string{"never", "in time", "twice"} {
			t.Run(test.name+" and a node hears "+name, func(t *testing.T) {
				n := newNodes(t, "a")
				before := n.encrypt("a", hello)
				for _, other := range n.others {
					other.opens("a", before)
				}
				test.change(n.rig)
				for range hears {
					for _, other := range n.others {
						other.hears(keyPrefix + "a")
					}
				}
				n.clock.later(2 * time.Second)
				after := n.encrypt("a", hello)
				require.Equal(t, test.version, version(t, after))
				require.Equal(t, !test.isDirect, isMessage(after), after)
				n.storage.reset("put", -1)
				for _, other := range n.others {
					stale := other.encrypt("a", hello)
					require.Equal(t, hears > 0, version(t, stale) == test.version)
					other.opens("a", before, after, stale)
					n.opens("a", stale)
				}
				require.Zero(t, n.storage.written())
			})
		}
	}
}

func isMessage(ciphertext string) bool {
	_, made, err := versions.Split(ciphertext)
	return err == nil && envelope.IsText(made)
}

func TestWhatAnEnvelopeKeyDoesNotKnowCostsOneReadASecond(t *testing.T) {
	n := newNodes(t, "a", "b")
	other := n.others[0]
	other.opens("a", n.encrypt("a", hello))
	for name, test := range map[string]struct {
		ciphertext string
		// calls is how many calls to KMS each takes.
		calls int
	}{
		"another envelope id": {n.encrypt("b", hello), 0},
		"a later version":     {n.withVersion("a", 9), 0},
		"another KMS key":     {n.wrappedBy(n.keyID("b"), "a"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			items := make([]any, 20)
			for i := range items {
				items[i] = body{"ciphertext": test.ciphertext}
			}
			for range 3 {
				n.clock.later(time.Second)
				n.storage.reset("", 0)
				before := n.kms.count(kmsapi.OpDecrypt)
				_, err := other.tryWrite("decrypt/a", body{"ciphertext": test.ciphertext})
				refused(t, err, 403)
				_, results := other.batch("decrypt/a", items)
				for _, result := range results {
					require.Contains(t, result["error"], "the ciphertext was")
				}
				require.Equal(t, 1, n.storage.total())
				require.LessOrEqual(t, n.kms.count(kmsapi.OpDecrypt), before+test.calls*21)
			}
		})
	}
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// fault is something that goes wrong, until heal.
type fault struct {
	name string
	heal func() error
	// least is how long it lasts at least.
	least time.Duration
	// isLast means that it can be healed only once nothing else is wrong.
	isLast bool
	// meanwhile checks what callers may expect as long as nothing else is wrong; nil means nothing.
	meanwhile func() error
}

// A kind of fault begins one, at a place that random picks.
type kind func(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error)

// errDown means that what was to be frozen or stopped does not run.
var errDown = errors.New("it is down")

// kinds are all that the nemesis knows.
var kinds = []kind{
	killNode, killActive, stopNode, freezeNode, freezeActive, killMember, freezeMember, killBoth,
	cutFromEtcd, holdFromEtcd, loseAnswersOfEtcd, slowEtcd, cutOneMember, compactBehind, partMember, partLeader,
	cutFromPeers, holdFromPeers, loseAnswersOfPeers, holdFromCallers, fullDisk, fullEtcd,
}

func killNode(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.kill(r.anyNode(random)), nil
}

func killActive(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.kill(r.activeOr(ctx, random)), nil
}

func (r *rig) kill(n *node) fault {
	n.kill()
	return fault{name: "kill -9 of " + n.name, heal: func() error { return n.start(r.program) }}
}

// stopNode has a node step down in order.
func stopNode(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	n := r.activeOr(ctx, random)
	if !n.isRunning() {
		return fault{}, errDown
	}
	_ = n.thaw()
	if err := n.process.Stop(); err != nil {
		return fault{}, err
	}
	return fault{name: "SIGTERM of " + n.name, heal: func() error { return n.start(r.program) }}, nil
}

// stopped freezes a node, if it runs.
func (n *node) stopped() (fault, error) {
	if !n.isRunning() {
		return fault{}, errDown
	}
	return fault{name: "SIGSTOP of " + n.name, heal: n.thaw}, n.freeze()
}

func freezeNode(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	n := r.anyNode(random)
	return n.stopped()
}

// freezeActive freezes the active node until after another has taken over: it must not go on as if nothing had been.
func freezeActive(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	f, err := r.activeOr(ctx, random).stopped()
	f.least = 2*shortestLease + time.Second
	return f, err
}

func killMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.killMember(random.IntN(size)), nil
}

func (r *rig) killMember(i int) fault {
	r.etcd.Member(i).Kill()
	return fault{name: fmt.Sprintf("kill -9 of member %d", i+1), heal: func() error { return r.restartMember(i) }}
}

// restartMember starts a member, unless it runs.
func (r *rig) restartMember(i int) error {
	m := r.etcd.Member(i)
	select {
	case <-m.Done(): // It has ended on its own. Of one that is down, this is nil.
		m.Kill()
	default:
		if m.Done() != nil {
			return m.Continue()
		}
	}
	return m.Restart()
}

func freezeMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	i := random.IntN(size)
	m := r.etcd.Member(i)
	heal := func() error { return r.restartMember(i) }
	return fault{name: fmt.Sprintf("SIGSTOP of member %d", i+1), heal: heal}, m.Stop()
}

// killBoth kills the active node and etcd's leader at the same time.
func killBoth(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error) {
	leader := max(o.leader(ctx), 0)
	n := r.kill(r.activeOr(ctx, random))
	m := r.killMember(leader)
	return fault{name: n.name + " and " + m.name, heal: func() error { return errors.Join(m.heal(), n.heal()) }}, nil
}

// betweenNodeAndEtcd is a fault of all links from a node to etcd.
func betweenNodeAndEtcd(n *node, name string, f link.Fault) fault {
	n.setMembers(f)
	return fault{name: name + " between etcd and " + n.name, heal: func() error {
		n.setMembers(link.Fault{})
		return nil
	}}
}

func cutFromEtcd(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return betweenNodeAndEtcd(r.activeOr(ctx, random), "cut", link.Fault{Cut: true}), nil
}

func holdFromEtcd(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	f := link.Fault{HoldRequests: true, HoldAnswers: true}
	return betweenNodeAndEtcd(r.activeOr(ctx, random), "half open", f), nil
}

// loseAnswersOfEtcd lets the commits of a node through, and their answers not.
func loseAnswersOfEtcd(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return betweenNodeAndEtcd(r.activeOr(ctx, random), "no answers", link.Fault{HoldAnswers: true}), nil
}

func slowEtcd(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	f := link.Fault{Delay: time.Duration(random.Int64N(int64(400 * time.Millisecond)))}
	return betweenNodeAndEtcd(r.activeOr(ctx, random), fmt.Sprint(f.Delay, " delay"), f), nil
}

// cutOneMember cuts one link from each node.
func cutOneMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	var cut []*link.Link
	for _, n := range r.nodes {
		l := n.members[random.IntN(size)]
		l.Set(link.Fault{Cut: true})
		cut = append(cut, l)
	}
	return fault{name: "each node cut off from one member", heal: func() error {
		for _, l := range cut {
			l.Set(link.Fault{})
		}
		return nil
	}}, nil
}

func partMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.part(random.IntN(size), random), nil
}

// partLeader leaves etcd's leader alone, with whatever nodes talk to it.
func partLeader(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error) {
	return r.part(max(o.leader(ctx), 0), random), nil
}

// part parts a member from the others: at once, or so that they don't notice.
func (r *rig) part(member int, random *rand.Rand) fault {
	f := link.Fault{Cut: true}
	if random.IntN(2) == 0 {
		f = link.Fault{HoldRequests: true, HoldAnswers: true}
	}
	r.etcd.Part(member, f)
	return fault{name: fmt.Sprintf("member %d parted from the others %+v", member+1, f), heal: func() error {
		r.etcd.Part(member, link.Fault{})
		return nil
	}}
}

// compactBehind drops etcd's history while a node does not follow.
func compactBehind(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error) {
	f := betweenNodeAndEtcd(r.anyNode(random), "compaction during a cut", link.Fault{Cut: true})
	heal := f.heal
	f.heal = func() error { return errors.Join(o.compact(ctx), heal()) }
	return f, nil
}

func holdFromCallers(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	n := r.anyNode(random)
	n.callers.Set(link.Fault{HoldAnswers: true})
	return fault{name: "callers without answers of " + n.name, heal: func() error {
		n.callers.Set(link.Fault{Cut: true})
		n.callers.Set(link.Fault{})
		return nil
	}}, nil
}

// betweenPeers is a fault of the link from the other nodes to the active one.
func betweenPeers(n *node, name string, f link.Fault) fault {
	n.peersLink.Set(f)
	return fault{name: name + " from other nodes to " + n.name, heal: func() error {
		n.peersLink.Set(link.Fault{})
		return nil
	}}
}

func cutFromPeers(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return betweenPeers(r.activeOr(ctx, random), "cut", link.Fault{Cut: true}), nil
}

func holdFromPeers(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	f := link.Fault{HoldRequests: true, HoldAnswers: true}
	return betweenPeers(r.activeOr(ctx, random), "half open", f), nil
}

// loseAnswersOfPeers lets forwarded requests through, and their answers not.
func loseAnswersOfPeers(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return betweenPeers(r.activeOr(ctx, random), "no answers", link.Fault{HoldAnswers: true}), nil
}

// fullDisk is a full disk of one member.
func fullDisk(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	i := random.IntN(size)
	m := r.etcd.Member(i)
	err := m.LimitFiles(1 << 10)
	return fault{name: fmt.Sprintf("full disk of member %d", i+1), heal: func() error {
		m.Kill()
		return m.Restart()
	}}, err
}

// fullEtcd is etcd at its quota.
func fullEtcd(ctx context.Context, r *rig, o *operator, _ *rand.Rand) (fault, error) {
	f := fault{name: "full etcd", isLast: true, heal: func() error { return o.makeRoom(ctx) }}
	f.meanwhile = func() error { return r.onlyReads(ctx) }
	return f, o.fill(ctx)
}

// onlyReads returns an error unless the service reads and refuses writes.
func (r *rig) onlyReads(ctx context.Context) error {
	c := r.site.Client(0)
	if _, err := c.ListKeys(ctx, &kmsapi.ListKeysRequest{}); err != nil {
		return fmt.Errorf("a full etcd does not keep the service from reading: %w", err)
	}
	_, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Description: "too much"})
	if !errors.Is(err, kmsapi.ErrServiceUnavailable) {
		return fmt.Errorf("a write to a full etcd should be refused for now: %w", err)
	}
	return nil
}

func (r *rig) anyNode(random *rand.Rand) *node { return r.nodes[random.IntN(size)] }

// activeOr is the active node, or any if there is none.
func (r *rig) activeOr(ctx context.Context, random *rand.Rand) *node {
	other := r.anyNode(random)
	if n := r.active(ctx); n != nil {
		return n
	}
	return other
}

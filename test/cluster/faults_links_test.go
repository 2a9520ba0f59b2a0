package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

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

// loseAnswersOfEtcd lets the commits of a node through, but not their answers.
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

// compactBehind drops etcd's history while a node is not following it.
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

// loseAnswersOfPeers lets forwarded requests through, but not their answers.
func loseAnswersOfPeers(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return betweenPeers(r.activeOr(ctx, random), "no answers", link.Fault{HoldAnswers: true}), nil
}

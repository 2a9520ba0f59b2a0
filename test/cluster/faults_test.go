package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// fault is something that goes wrong, until heal.
type fault struct {
	name string
	// heal, if set, repairs links and members, and start, if set, starts nodes after that: a node waits for etcd.
	heal, start func() error
	// least is the shortest time that it lasts.
	least time.Duration
	// isLast means that it can be healed only once nothing else is wrong.
	isLast bool
	// meanwhile checks what callers may expect as long as nothing else is wrong; nil means nothing.
	meanwhile func() error
}

// A kind of fault begins one, at a place that random picks.
type kind func(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error)

// errDown means that what should be frozen or stopped does not run.
var errDown = errors.New("it is down")

// kinds are all kinds of faults that the nemesis has.
var kinds = []kind{
	killNode, killActive, stopNode, freezeNode, freezeActive, killMember, freezeMember, killBoth, killAllNodes,
	killAllMembers,
	cutFromEtcd, holdFromEtcd, loseAnswersOfEtcd, slowEtcd, cutOneMember, compactBehind, partMember, partLeader,
	cutFromPeers, holdFromPeers, loseAnswersOfPeers, holdFromCallers, fullDisk, fullEtcd,
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

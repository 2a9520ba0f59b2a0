package cluster

import (
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

// loss is a way to lose a part of the service, and how long that may keep its users waiting.
type loss struct {
	name  string
	limit time.Duration
	// isSlow leaves it out, except in a measurement.
	isSlow bool
	// lose takes the part away.
	lose func(r *rig, o *operator, active *node) (fault, error)
}

// restore ends a fault, and waits until the service is whole again.
func (r *rig) restore(f fault) error {
	r.t.Helper()
	for _, back := range []func() error{f.heal, f.start} {
		if back == nil {
			continue
		}
		if err := back(); err != nil {
			return err
		}
		r.awaitMembers()
	}
	r.awaitActive(recovery)
	return nil
}

// stepDown ends the active node in an orderly way.
func stepDown(r *rig, _ *operator, active *node) (fault, error) {
	f := fault{name: "SIGTERM of " + active.name, start: func() error { return active.start(r.program) }}
	return f, active.process.Stop()
}

// killActiveAndLeader kills the active node and etcd's leader.
func killActiveAndLeader(r *rig, o *operator, active *node) (fault, error) {
	member, node := r.killMember(max(o.leader(r.t.Context()), 0)), r.kill(active)
	return fault{name: node.name + " and " + member.name, heal: member.heal, start: node.start}, nil
}

// standby is any node but the active one.
func (r *rig) standby(active *node) *node { return r.nodes[(active.number+1)%size] }

// follower is any member of etcd but the leader.
func (r *rig) follower(o *operator) int { return (max(o.leader(r.t.Context()), 0) + 1) % size }

// cutOff leaves connections from the balancer to a node, and with etcd those from it to etcd, open but dead.
func (n *node) cutOff(etcd bool) fault {
	set := func(f link.Fault) {
		n.callers.Set(f)
		n.checks.Set(f)
		if etcd {
			n.setMembers(f)
		}
	}
	set(link.Fault{HoldRequests: true, HoldAnswers: true})
	return fault{name: n.name + " cut off", least: untilTakeover, heal: func() error {
		set(link.Fault{Cut: true}) // A network that is back resets what it no longer knows.
		set(link.Fault{})
		return nil
	}}
}

// vaultLosses are what each Vault goes through. The limits are for a Vault to be unsealed, its starts included; a lease
// is 3 seconds, and Vault's own seal waits 10 for an answer.
var vaultLosses = []loss{
	{"kill -9 of the active node", 20 * time.Second, false, func(r *rig, _ *operator, active *node) (fault, error) {
		return r.kill(active), nil
	}},
	{"SIGSTOP of the active node", 30 * time.Second, false, func(_ *rig, _ *operator, active *node) (fault, error) {
		return active.stopped()
	}},
	{"the active node cut off", 30 * time.Second, false, func(_ *rig, _ *operator, active *node) (fault, error) {
		return active.cutOff(true), nil
	}},
	{"SIGSTOP of a standby", 30 * time.Second, false, func(r *rig, _ *operator, active *node) (fault, error) {
		return r.standby(active).stopped()
	}},
	{"kill -9 of etcd's leader", 20 * time.Second, false, func(r *rig, o *operator, _ *node) (fault, error) {
		return r.killMember(max(o.leader(r.t.Context()), 0)), nil
	}},
	{"SIGSTOP of etcd's leader", 20 * time.Second, false, func(r *rig, o *operator, _ *node) (fault, error) {
		return r.stopMember(max(o.leader(r.t.Context()), 0))
	}},
	{"step-down of the active node", 20 * time.Second, true, stepDown},
	{"kill -9 of a standby", 20 * time.Second, true, func(r *rig, _ *operator, active *node) (fault, error) {
		return r.kill(r.standby(active)), nil
	}},
	{"a standby cut off", 30 * time.Second, true, func(r *rig, _ *operator, active *node) (fault, error) {
		return r.standby(active).cutOff(true), nil
	}},
	{
		"the active node cut off from the balancer", 30 * time.Second, true,
		func(_ *rig, _ *operator, active *node) (fault, error) { return active.cutOff(false), nil },
	},
	{
		"the active node cut off from etcd", 20 * time.Second, true,
		func(_ *rig, _ *operator, active *node) (fault, error) {
			f := betweenNodeAndEtcd(active, "half open", link.Fault{HoldRequests: true, HoldAnswers: true})
			f.least = untilTakeover
			return f, nil
		},
	},
	{"kill -9 of a member that follows", 20 * time.Second, true, func(r *rig, o *operator, _ *node) (fault, error) {
		return r.killMember(r.follower(o)), nil
	}},
	{"SIGSTOP of a member that follows", 20 * time.Second, true, func(r *rig, o *operator, _ *node) (fault, error) {
		return r.stopMember(r.follower(o))
	}},
	{"kill -9 of the active node and etcd's leader", 30 * time.Second, true, killActiveAndLeader},
}

package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"time"

	"golang.org/x/sync/errgroup"
)

func killNode(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.kill(r.anyNode(random)), nil
}

func killActive(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.kill(r.activeOr(ctx, random)), nil
}

func (r *rig) kill(n *node) fault {
	n.kill()
	return fault{name: "kill -9 of " + n.name, start: func() error { return n.start(r.program) }}
}

// stopNode makes a node step down in an orderly way.
func stopNode(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	n := r.activeOr(ctx, random)
	if !n.isRunning() {
		return fault{}, errDown
	}
	_ = n.thaw()
	f := fault{name: "SIGTERM of " + n.name, start: func() error { return n.start(r.program) }}
	err := n.process.Stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		// It says so if it can't hand over because of another fault, such as a full etcd.
		f.name, err = f.name+", which did not hand over", nil
	}
	return f, err
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

// freezeActive freezes the active node until after another has taken over: it must not go on as if nothing had
// happened.
func freezeActive(ctx context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	f, err := r.activeOr(ctx, random).stopped()
	f.least = 2*shortestLease + time.Second
	return f, err
}

// killBoth kills the active node and etcd's leader at the same time.
func killBoth(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error) {
	leader := max(o.leader(ctx), 0)
	n := r.kill(r.activeOr(ctx, random))
	m := r.killMember(leader)
	return fault{name: n.name + " and " + m.name, heal: m.heal, start: n.start}, nil
}

func killAllNodes(_ context.Context, r *rig, _ *operator, _ *rand.Rand) (fault, error) {
	for _, n := range r.nodes {
		n.kill()
	}
	return fault{name: "kill -9 of all nodes", start: func() error {
		var starts errgroup.Group
		for _, n := range r.nodes {
			starts.Go(func() error { return n.start(r.program) })
		}
		return starts.Wait()
	}}, nil
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func killMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.killMember(random.IntN(size)), nil
}

func (r *rig) killMember(i int) fault {
	r.etcd.Member(i).Kill()
	return fault{name: "kill -9 of " + memberName(i), heal: func() error { return r.restartMember(i) }}
}

// restartMember starts a member, unless it runs. It is ready once most of the members are, so [rig.awaitMembers] waits
// for it when everything else is healed.
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
	return r.launchMember(i)
}

func (r *rig) launchMember(i int) error {
	ready, err := r.etcd.Member(i).Launch()
	if err == nil {
		r.starting[i] = ready
	}
	return err
}

// awaitMembers waits until all members that were started are ready.
func (r *rig) awaitMembers() {
	r.t.Helper()
	all := make(chan error, len(r.starting))
	for _, ready := range r.starting {
		go func() { all <- ready() }()
	}
	limit := time.After(recovery)
	for range r.starting {
		select {
		case err := <-all:
			require.NoError(r.t, err)
		case <-limit:
			require.FailNow(r.t, "a member of etcd does not start")
		}
	}
	clear(r.starting)
}

// stopMember freezes a member. Another fault may kill it meanwhile.
func (r *rig) stopMember(i int) (fault, error) {
	heal := func() error { return r.restartMember(i) }
	return fault{name: "SIGSTOP of " + memberName(i), heal: heal}, r.etcd.Member(i).Stop()
}

func memberName(i int) string { return fmt.Sprintf("member %d", i+1) }

func freezeMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.stopMember(random.IntN(size))
}

func killAllMembers(_ context.Context, r *rig, _ *operator, _ *rand.Rand) (fault, error) {
	for i := range size {
		r.etcd.Member(i).Kill()
	}
	return fault{name: "kill -9 of all members", heal: func() error {
		var errs []error
		for i := range size {
			errs = append(errs, r.restartMember(i))
		}
		return errors.Join(errs...)
	}}, nil
}

func partMember(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	return r.part(random.IntN(size), random), nil
}

// partLeader leaves etcd's leader alone, with whatever nodes talk to it.
func partLeader(ctx context.Context, r *rig, o *operator, random *rand.Rand) (fault, error) {
	return r.part(max(o.leader(ctx), 0), random), nil
}

// part separates a member from the others: by a cut, or so that they don't notice.
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

// fullDisk is a full disk of one member.
func fullDisk(_ context.Context, r *rig, _ *operator, random *rand.Rand) (fault, error) {
	i := random.IntN(size)
	m := r.etcd.Member(i)
	f := fault{name: "full disk of " + memberName(i)}
	err := m.LimitFiles(1 << 10)
	if err == nil { // Otherwise it is down, which another fault heals.
		f.heal = func() error {
			m.Kill()
			return r.launchMember(i)
		}
	}
	return f, err
}

// fullEtcd is etcd at its quota.
func fullEtcd(ctx context.Context, r *rig, o *operator, _ *rand.Rand) (fault, error) {
	f := fault{name: "full etcd", isLast: true, heal: func() error { return o.makeRoom(ctx) }}
	f.meanwhile = func() error { return r.onlyReads(ctx) }
	return f, o.fill(ctx)
}

// takeover is how long a node needs to take over from one that was too busy to keep its lease while etcd filled up.
const takeover = shortestLease + 3*time.Second

// onlyReads returns an error unless the service serves reads and refuses writes.
func (r *rig) onlyReads(ctx context.Context) error {
	c := r.site.Client(0)
	err := untilAnswered(func() error {
		_, err := c.ListKeys(ctx, &kmsapi.ListKeysRequest{})
		return err
	}, func(err error) bool { return err == nil })
	if err != nil {
		return fmt.Errorf("a full etcd does not keep the service from reading: %w", err)
	}
	err = untilAnswered(func() error {
		_, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Description: "too much"})
		return err
	}, func(err error) bool { return err == nil || errors.Is(err, kmsapi.ErrServiceUnavailable) })
	if !errors.Is(err, kmsapi.ErrServiceUnavailable) {
		return fmt.Errorf("a write to a full etcd should be refused for now: %w", err)
	}
	return nil
}

// untilAnswered asks again while a node takes over, until the answer is one that counts.
func untilAnswered(ask func() error, counts func(error) bool) error {
	err := ask()
	for end := time.Now().Add(takeover); !counts(err) && time.Now().Before(end); err = ask() {
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

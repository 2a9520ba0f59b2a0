package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

const (
	// backoff is how long a caller waits after a request without an outcome.
	backoff = 50 * time.Millisecond
	// pace is the longest wait between two requests of a caller.
	pace = 12 * time.Millisecond
)

// A mix is how often a caller takes each step, in relation to the others.
type mix []share

type share struct {
	weight int
	step   step
}

// pick draws a step.
func (m mix) pick(random *rand.Rand) step {
	all := 0
	for _, s := range m {
		all += s.weight
	}
	at := random.IntN(all)
	for _, s := range m {
		if at -= s.weight; at < 0 {
			return s.step
		}
	}
	return m[0].step
}

var (
	everything = mix{
		{24, encrypt},
		{16, decrypt},
		{8, encryptByAlias},
		{6, describe},
		{4, versions},
		{4, aliases},
		{8, enable},
		{5, disable},
		{2, schedule},
		{6, cancel},
		{3, rotate},
		{5, createAlias},
		{4, updateAlias},
		{3, deleteAlias},
	}
	using    = mix{{10, encrypt}, {8, decrypt}, {1, rotate}}
	looking  = mix{{3, encrypt}, {2, decrypt}, {1, describe}}
	revoking = mix{{4, disable}, {1, schedule}, {4, enable}, {2, cancel}}
)

// A team works on one world after another.
type team struct {
	lead    *caller
	members []member
	// keys and aliases are how many its worlds have.
	keys, aliases int
	// patients are the callers of patient members.
	patients sync.WaitGroup

	mu     sync.Mutex
	worlds []*world
}

// A member of a team takes steps of its mix, with pauses of up to wait in between.
type member struct {
	*caller
	mix  mix
	wait time.Duration
	// isPatient makes a caller of its own send each request, which waits long for the answer, so that a node that hangs
	// has requests of every moment before it when it goes on. The other members begin another world without waiting for
	// them.
	isPatient bool
}

// run works until ctx ends.
func (t *team) run(ctx context.Context) {
	defer t.patients.Wait()
	for ctx.Err() == nil {
		w := newWorld(ctx, t.lead, t.keys, t.aliases)
		if w == nil {
			return
		}
		t.mu.Lock()
		t.worlds = append(t.worlds, w)
		t.mu.Unlock()
		var members sync.WaitGroup
		for _, m := range t.members {
			work := func() { m.work(ctx, w) }
			if m.isPatient {
				work = func() { t.send(ctx, m, w) }
			}
			members.Go(work)
		}
		members.Wait()
	}
}

// send makes a patient member take steps until the world is spent, whether those before are answered or not.
func (t *team) send(ctx context.Context, m member, w *world) {
	for !w.isSpent() && ctx.Err() == nil {
		c, step := m.again(), m.mix.pick(m.random)
		t.patients.Go(func() {
			if e, ok := step(ctx, c, w); ok {
				c.recorder.Note(e)
			}
		})
		pause(ctx, m.wait)
	}
}

// work takes steps until the world is spent. After one without an outcome it only reads, until the service answers
// again, so that not every request of an outage is one that may have taken effect.
func (m member) work(ctx context.Context, w *world) {
	onlyLooks := false
	for !w.isSpent() && ctx.Err() == nil {
		step := m.mix.pick(m.random)
		if onlyLooks {
			step = describe
		}
		e, ok := step(ctx, m.caller, w)
		if ok {
			m.recorder.Note(e)
			w.count(e)
		}
		onlyLooks = !ok || e.Outcome == history.Unknown
		wait := time.Duration(m.random.Int64N(int64(m.wait)))
		if onlyLooks {
			wait += backoff
		}
		pause(ctx, wait)
	}
}

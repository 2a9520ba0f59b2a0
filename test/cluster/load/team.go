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
	pace = 8 * time.Millisecond
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
	revoking = mix{{4, disable}, {1, schedule}, {4, enable}, {2, cancel}}
)

// A team works on one world after another.
type team struct {
	lead    *caller
	members []member
	// keys and aliases are how many its worlds have.
	keys, aliases int

	mu     sync.Mutex
	worlds []*world
}

// A member of a team takes steps of its mix, with pauses of up to wait in between.
type member struct {
	*caller
	mix  mix
	wait time.Duration
}

// run works until ctx ends.
func (t *team) run(ctx context.Context) {
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
			members.Go(func() { m.work(ctx, w) })
		}
		members.Wait()
	}
}

// work takes steps until the world is spent. After one without an outcome it only looks, until it sees the service at
// work again, so that not every request of an outage is one that may have taken effect.
func (m member) work(ctx context.Context, w *world) {
	looking := false
	for !w.isSpent() && ctx.Err() == nil {
		step := m.mix.pick(m.random)
		if looking {
			step = describe
		}
		e, ok := step(ctx, m.caller, w)
		if ok {
			m.recorder.Note(e)
			w.count(e)
		}
		looking = !ok || e.Outcome == history.Unknown
		wait := time.Duration(m.random.Int64N(int64(m.wait)))
		if looking {
			wait += backoff
		}
		pause(ctx, wait)
	}
}

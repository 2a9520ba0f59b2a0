package load

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

// Load is all callers of a service.
type Load struct {
	site     *Site
	recorder *history.Recorder
	random   *rand.Rand
	teams    []*team
	postman  *postman
	// before is what was listed before.
	before history.Listed
}

// New returns the callers of a connected site: teams that do everything, one that revokes, and a postman. Their choices
// follow from random. before is what was listed when the last history of the service ended.
func New(s *Site, r *history.Recorder, random *rand.Rand, before history.Listed) *Load {
	l := &Load{site: s, recorder: r, random: random, before: before, postman: newPostman(newCaller(s, r, random))}
	for range 2 {
		l.add(2, 3, member{mix: everything, wait: pace}, member{mix: everything, wait: pace},
			member{mix: everything, wait: pace})
	}
	l.add(1, 0, member{mix: revoking, wait: 12 * pace}, member{mix: using, wait: pace}, member{mix: using, wait: pace},
		member{mix: looking, wait: 8 * pace, isPatient: true})
	return l
}

// add adds a team whose worlds have that many CMKs and aliases.
func (l *Load) add(keys, aliases int, members ...member) {
	lead := newCaller(l.site, l.recorder, l.random)
	t := &team{lead: &lead, keys: keys, aliases: aliases}
	for _, m := range members {
		c := newCaller(l.site, l.recorder, l.random)
		if m.isPatient {
			c.clients = l.site.patient
		}
		m.caller = &c
		t.members = append(t.members, m)
	}
	l.teams = append(l.teams, t)
}

// Run lets all callers work until ctx ends.
func (l *Load) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, t := range l.teams {
		all.Go(func() { t.run(ctx) })
	}
	all.Go(func() { l.postman.run(ctx) })
	all.Wait()
}

// Settle reads everything that the callers have made, notes what it finds, and sends every letter once more. It waits
// for each answer, in all for some minutes at most.
func (l *Load) Settle(ctx context.Context) (history.Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := l.settleWorlds(ctx); err != nil {
		return history.Listed{}, err
	}
	l.postman.settle(ctx)
	return l.list(ctx)
}

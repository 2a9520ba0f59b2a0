package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

const (
	// duos is how many pairs of nodes take turns: most of a takeover is waiting.
	duos = 4
	// takeoversEach is how many each pair has, and takeovers how many are measured of each kind, after one to warm up.
	takeoversEach = 3
	takeovers     = duos*takeoversEach - 1
)

// losses are the ways to lose the active node, and how long the service may be away, in seconds.
var losses = []struct {
	name string
	most float64
	end  func(*kmsNode) error
}{
	{"kill -9 of the active node", 5, (*kmsNode).kill},
	{"a step-down", 2, func(n *kmsNode) error { return n.Stop() }},
}

func (s *stage) takeoverContests() []contest.Contest {
	var found []contest.Contest
	for _, l := range losses {
		every := alone(contest.Away, contest.AtMost(l.most))
		every.Every = true
		found = append(found, contest.Contest{
			Name: "cluster: takeover after " + l.name,
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
				return s.openTakeovers(ctx, l.end)
			},
			Figures: []contest.Figure{every},
			Rounds:  takeovers,
		})
	}
	return found
}

// openTakeovers makes a side whose runs are takeovers. The pairs take turns: otherwise the first results would be those
// of the fastest pair.
func (s *stage) openTakeovers(ctx context.Context, end func(*kmsNode) error) ([]contest.Side, func() error, error) {
	pairs, err := s.pairs()
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var losing sync.WaitGroup
	for _, d := range pairs {
		losing.Go(func() { d.lose(ctx, takeoversEach, end) })
	}
	next := 0
	run := func(ctx context.Context, _ time.Duration) (contest.Sample, error) {
		d := pairs[next%len(pairs)]
		next++
		select {
		case a := <-d.took:
			return contest.Sample{contest.Away: a.time.Seconds()}, a.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	close := func() error { stop(); losing.Wait(); return nil }
	return []contest.Side{{Name: "ours", Run: run}}, close, nil
}

// startDuos starts several pairs of nodes.
func (s *stage) startDuos(ctx context.Context) ([]*duo, error) {
	found, failed := make([]*duo, duos), make([]error, duos)
	var starting sync.WaitGroup
	for i := range duos {
		starting.Go(func() { found[i], failed[i] = s.startDuo(ctx, fmt.Sprint("duo-", i)) })
	}
	starting.Wait()
	return found, errors.Join(failed...)
}

func (s *stage) startDuo(ctx context.Context, name string) (*duo, error) {
	c, err := s.startCluster(ctx, name, 2)
	if err != nil {
		return nil, err
	}
	keyID, err := c.active.createKey(ctx, &kmsapi.CreateKeyRequest{})
	return &duo{cluster: c, keyID: keyID, took: make(chan absence)}, err
}

package main

import (
	"context"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

const transitName = "transit"

func (s *stage) serviceContests() []contest.Contest {
	var found []contest.Contest
	for _, e := range errands {
		found = append(found, s.errandContest(e, 16, contest.AtLeast(e.atLeast)))
		if e.busy {
			found = append(found, s.errandContest(e, 64, contest.Target{}))
		}
	}
	return found
}

func (s *stage) errandContest(e errand, goroutines int, rate contest.Target) contest.Contest {
	figures := []contest.Figure{
		against(transitName, contest.PerSecond, rate), against(transitName, contest.P99, e.p99()),
	}
	if e.bare.open != nil {
		figures = append(figures, against(e.bare.library, contest.PerSecond, contest.Target{}))
	}
	return contest.Contest{
		Name: fmt.Sprintf("service: %s over TLS, c=%d", e.name(), goroutines),
		Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
			sides, err := s.openErrand(ctx, e, goroutines)
			return sides, nil, err
		},
		Figures: figures,
	}
}

// openErrand measures service and transit with the same HTTP client and certificate, both with an audit log.
func (s *stage) openErrand(ctx context.Context, e errand, goroutines int) ([]contest.Side, error) {
	ours, err := s.ourErrand(ctx, e, goroutines)
	if err != nil {
		return nil, err
	}
	peer, err := s.transitErrand(ctx, e, goroutines)
	if err != nil || e.bare.open == nil {
		return []contest.Side{ours, peer}, err
	}
	bare, err := e.bare.side(goroutines)
	return []contest.Side{ours, peer, bare}, err
}

func (s *stage) ourErrand(ctx context.Context, e errand, goroutines int) (contest.Side, error) {
	kms, err := s.kms()
	if err != nil {
		return contest.Side{}, err
	}
	key, err := kms.makeKey(ctx, e.kind)
	if err != nil {
		return contest.Side{}, err
	}
	client, err := newHTTP(kms.CA)
	return kms.signed(client, goroutines, same(e.request(key))), err
}

func (s *stage) transitErrand(ctx context.Context, e errand, goroutines int) (contest.Side, error) {
	vault, err := s.vault()
	if err != nil {
		return contest.Side{}, err
	}
	made, err := vault.makeKey(ctx, e.kind)
	if err != nil {
		return contest.Side{}, err
	}
	request, err := vault.post(ctx, e.path+e.kind.transit, e.data(made))
	return driven(transitName, goroutines, always(request)), err
}

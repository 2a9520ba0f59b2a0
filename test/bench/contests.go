package main

import (
	"context"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// contests returns everything that `make bench` measures, in the order of the table.
func (s *stage) contests() []contest.Contest {
	return slices.Concat(
		s.clientContests(),
		s.serviceContests(),
		s.operationContests(),
		s.secretContests(),
		s.recordContests(),
		s.createContests(),
		s.importContests(),
		s.scaleContests(),
		s.engineContests(),
		s.envelopeContests(),
		s.overheadContests(),
	)
}

// plaintext is what every side encrypts: 64 bytes, in base64 as all the APIs take it.
const plaintext = "cGF5cm9sbCwgNjQgYnl0ZXMgb2YgaXQsIGFzIGEgZGF0YSBrZXkgb3IgYSBwYXNzd29yZCBtYXkgaGF2ZSE="

// closePairs is how many pairs of runs a round has where one caller is measured and a few percent matter: two runs of
// one side differ by as much on a busy machine.
const closePairs = 20

// figure is a ratio of a measure of ours to that of the best peer.
func figure(m contest.Measure, t contest.Target) contest.Figure {
	return contest.Figure{Measure: m, Compare: contest.Ratio, Target: t}
}

// against is a figure whose peer has that name.
func against(peer string, m contest.Measure, t contest.Target) contest.Figure {
	f := figure(m, t)
	f.Against = peer
	return f
}

// alone is a figure of ours without a peer.
func alone(m contest.Measure, t contest.Target) contest.Figure {
	return contest.Figure{Measure: m, Compare: contest.Alone, Target: t}
}

// driven is a side that calls do from a number of goroutines.
func driven(name string, goroutines int, do func(i int) error) contest.Side {
	return contest.Side{Name: name, Run: func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		load, err := contest.Drive(ctx, goroutines, d, 0, do)
		if err != nil {
			return nil, err
		}
		return load.Sample(), nil
	}}
}

// always adapts a function that needs no number.
func always(do func() error) func(int) error { return func(int) error { return do() } }

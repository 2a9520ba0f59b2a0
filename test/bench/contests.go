package main

import (
	"context"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// headlines are the headlines of the first figures of some contests: what a reader sees first.
var headlines = []struct{ contest, text string }{
	{
		"client: Encrypt over TLS, c=16",
		"client: Encrypt by 16 callers, against Alibaba Cloud's own SDK",
	},
	{
		"service: Encrypt over TLS, c=16",
		"KMS service: Encrypt by 16 callers, against Vault's transit engine",
	},
	{
		"engine: encrypt 100 items in a batch, one caller",
		"engine: 100 plaintexts in a batch, against one by one",
	},
	{
		"engine: envelope encrypt of 1 KiB through Vault, c=16",
		"engine in envelope mode: 1 KiB by 16 callers, against a plugin that only answers",
	},
	{
		"engine: envelope encrypt with KMS 10 ms away, one caller",
		"engine in envelope mode with KMS 10 ms away, against direct mode",
	},
}

// contests returns everything that `make bench` measures, in the order of the table.
func (s *stage) contests() []contest.Contest {
	found := slices.Concat(
		s.clientContests(),
		s.serviceContests(),
		s.operationContests(),
		s.secretContests(),
		s.smContests(),
		s.recordContests(),
		s.createContests(),
		s.importContests(),
		s.scaleContests(),
		s.clusterContests(),
		s.engineContests(),
		s.envelopeContests(),
		s.overheadContests(),
	)
	for _, h := range headlines {
		at := slices.IndexFunc(found, func(c contest.Contest) bool { return c.Name == h.contest })
		found[at].Figures[0].Headline = h.text
	}
	return found
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

package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

const enginePath = "alicloudkms/encrypt/" + keyName

func (s *stage) engineContests() []contest.Contest {
	found := []contest.Contest{{
		Name: "engine: encrypt through Vault, c=16", Open: s.openEngine,
		Figures: []contest.Figure{
			figure(contest.PerSecond, contest.AtLeast(0.7)), figure(contest.P50, contest.Target{}),
		},
	}}
	for _, items := range []int{100, 1000} {
		found = append(found, contest.Contest{
			Name:    fmt.Sprintf("engine: encrypt %d items in a batch, one caller", items),
			Open:    func(ctx context.Context) ([]contest.Side, func() error, error) { return s.openBatch(ctx, items) },
			Figures: []contest.Figure{figure(contest.ItemsASecond, contest.AtLeast(4))},
		})
	}
	return found
}

// openEngine compares ours with the echo plugin in the same Vault.
func (s *stage) openEngine(ctx context.Context) ([]contest.Side, func() error, error) {
	const callers = 16
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	ours, err := vault.post(ctx, enginePath, item)
	if err != nil {
		return nil, nil, err
	}
	peer, err := vault.post(ctx, "echo/encrypt/"+keyName, item)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{driven("ours", callers, always(ours)), driven("echo", callers, always(peer))}, nil, nil
}

// openBatch compares one request of many items with the same number of requests in sequence.
func (s *stage) openBatch(ctx context.Context, items int) ([]contest.Side, func() error, error) {
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	ours, err := vault.post(ctx, enginePath, batchOf(items))
	if err != nil {
		return nil, nil, err
	}
	peer, err := vault.post(ctx, enginePath, item)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{inItems("ours", items, ours), inItems("one by one", 1, peer)}, nil, nil
}

// item is a request with one item, and batchOf is one with many of them.
var item = map[string]any{"plaintext": plaintext}

func batchOf(items int) map[string]any {
	return map[string]any{"batch_input": slices.Repeat([]map[string]any{item}, items)}
}

// inItems is a side with one caller, measured in items: each request has a number of them.
func inItems(name string, items int, do func() error) contest.Side {
	return contest.Side{Name: name, Run: func(ctx context.Context, d time.Duration) (contest.Sample, error) {
		load, err := contest.Drive(ctx, 1, d, 0, always(do))
		if err != nil {
			return nil, err
		}
		return contest.Sample{contest.ItemsASecond: load.Rate() * float64(items)}, nil
	}}
}

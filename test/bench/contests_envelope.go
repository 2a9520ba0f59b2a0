package main

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// Paths of the same requests to our engine, with a key whose data keys the engine holds, and to an engine that does
// nothing.
const (
	envelopePath     = "alicloudkms/encrypt/" + envelopeName
	envelopeEchoPath = "echo/envelope/" + envelopeName
)

func (s *stage) envelopeContests() []contest.Contest {
	return append([]contest.Contest{
		{
			Name: "engine: envelope encrypt of 1 KiB through Vault, c=16", Finer: closePairs,
			Open: func(ctx context.Context) ([]contest.Side, func() error, error) { return s.openEnvelope(ctx, 1<<10, 16) },
			Figures: []contest.Figure{
				figure(contest.PerSecond, contest.AtLeast(0.95)), figure(contest.P50, contest.Target{}),
			},
		},
		{
			Name: "engine: envelope encrypt of 1 MiB through Vault, c=4", Finer: 4,
			Open:    func(ctx context.Context) ([]contest.Side, func() error, error) { return s.openEnvelope(ctx, 1<<20, 4) },
			Figures: []contest.Figure{figure(contest.PerSecond, contest.AtLeast(0.9))},
		},
		{
			Name: "engine: envelope encrypt of 100 items in a batch, one caller", Open: s.openEnvelopeBatch,
			Figures: []contest.Figure{
				against("echo", contest.ItemsASecond, contest.AtLeast(0.7)),
				against(transitName, contest.ItemsASecond, contest.Target{}),
			},
		},
	}, s.farContests()...)
}

// zeros is a plaintext of that many bytes.
func zeros(n int) map[string]any {
	return map[string]any{"plaintext": base64.StdEncoding.EncodeToString(make([]byte, n))}
}

// openEnvelope compares ours with the echo plugin in the same Vault, which takes and gives as many bytes.
func (s *stage) openEnvelope(ctx context.Context, size, callers int) ([]contest.Side, func() error, error) {
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	ours, peer, err := vault.postBoth(ctx, zeros(size))
	return []contest.Side{driven("ours", callers, always(ours)), driven("echo", callers, always(peer))}, nil, err
}

func (s *stage) openEnvelopeBatch(ctx context.Context) ([]contest.Side, func() error, error) {
	const items = 100
	vault, err := s.vault()
	if err != nil {
		return nil, nil, err
	}
	batch := batchOf(items)
	ours, peer, err := vault.postBoth(ctx, batch)
	if err != nil {
		return nil, nil, err
	}
	if _, err := vault.makeKey(ctx, symmetric); err != nil {
		return nil, nil, err
	}
	transit, err := vault.post(ctx, "transit/encrypt/"+symmetric.transit, batch)
	return []contest.Side{
		inItems("ours", items, ours), inItems("echo", items, peer), inItems(transitName, items, transit),
	}, nil, err
}

// postBoth repeats a request to ours and to the echo plugin, and fails unless their answers are equally long.
func (v *vaultServer) postBoth(ctx context.Context, data map[string]any) (ours, peer func() error, err error) {
	size, err := v.answerSize(ctx, envelopePath, data)
	if err != nil {
		return nil, nil, err
	}
	echoed, err := v.answerSize(ctx, envelopeEchoPath, data)
	if err != nil {
		return nil, nil, err
	}
	if size != echoed {
		return nil, nil, fmt.Errorf("the engine answers with %d bytes and echo with %d", size, echoed)
	}
	if ours, err = v.post(ctx, envelopePath, data); err != nil {
		return nil, nil, err
	}
	peer, err = v.post(ctx, envelopeEchoPath, data)
	return ours, peer, err
}

package server

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

// openNonces makes the nonce memory, with what an earlier run wrote down. fresh says that there was no earlier run.
func (s *Service) openNonces(ctx context.Context, limit int, fresh bool) (*replay.Memory, error) {
	memory := replay.New(replay.Options{
		Window: s.window, Max: limit, Clock: s.clock, Fresh: fresh, Durable: s.keys.KeepNonce,
	})
	return memory, s.keys.EachNonce(ctx, memory.Load)
}

// Sweep removes what time has ended: see [keyring.Keyring.Sweep]. It also deletes the nonces that have expired.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.clock()
	if err := s.keys.Sweep(ctx, now); err != nil {
		return err
	}
	return s.keys.SweepNonces(ctx, now)
}

package server

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

const noncePrefix = "nonce/"

// openNonces makes the nonce memory, with what an earlier run wrote down. fresh says that there was no earlier run.
func (s *Service) openNonces(ctx context.Context, limit int, fresh bool) (*replay.Memory, error) {
	memory := replay.New(replay.Options{Window: s.window, Max: limit, Clock: s.clock, Fresh: fresh, Durable: s.keepNonce})
	err := s.store.View(ctx, func(r store.Reader) error {
		return r.Scan(noncePrefix, "", func(path string, _ []byte) (bool, error) {
			return true, memory.Load(strings.TrimPrefix(path, noncePrefix))
		})
	})
	return memory, err
}

// keepNonce writes down a nonce that must outlive a restart, with the moment after which it does not matter.
func (s *Service) keepNonce(ctx context.Context, key string, expires time.Time) error {
	return s.store.Update(ctx, func(w store.Writer) error {
		return w.Put(noncePrefix+key, []byte(expires.UTC().Format(time.RFC3339Nano)))
	})
}

// sweepNonces forgets the written nonces that no longer matter.
func (s *Service) sweepNonces(ctx context.Context, now time.Time) error {
	var over []string
	err := s.store.View(ctx, func(r store.Reader) error {
		return r.Scan(noncePrefix, "", func(path string, value []byte) (bool, error) {
			expires, err := time.Parse(time.RFC3339Nano, string(value))
			if err == nil && now.After(expires) {
				over = append(over, path)
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(over, sweepAtOnce) {
		if err := s.store.Update(ctx, func(w store.Writer) error { return deleteAll(w, part) }); err != nil {
			return err
		}
	}
	return nil
}

// sweepAtOnce bounds how long a request waits for the sweeper.
const sweepAtOnce = 1000

func deleteAll(w store.Writer, paths []string) error {
	for _, path := range paths {
		if err := w.Delete(path); err != nil {
			return err
		}
	}
	return nil
}

package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Sweep deletes the CMKs whose deletion date has come, with all that belongs to them, writes down the other changes that
// time has made, and forgets durable nonces that no longer matter. It looks for work in a read transaction and then does
// each piece in a write transaction of its own, so requests never wait for a long one.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.clock()
	due, err := s.dueCMKs(ctx, now)
	if err != nil {
		return err
	}
	for _, path := range due {
		if err := s.store.Update(ctx, func(w store.Writer) error { return settleCMK(w, path, now) }); err != nil {
			return err
		}
	}
	return s.sweepNonces(ctx, now)
}

// dueCMKs returns the storage paths of the CMKs that time has changed.
func (s *Service) dueCMKs(ctx context.Context, now time.Time) (due []string, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		return r.Scan(cmkPrefix, "", func(path string, value []byte) (bool, error) {
			record, err := decodeCMK(value)
			if err != nil {
				return false, err
			}
			settled, gone := record.Lifecycle.Settle(now)
			if gone || settled != record.Lifecycle {
				due = append(due, path)
			}
			return true, nil
		})
	})
	return due, err
}

// settleCMK writes what time has made of the CMK at path. It looks again, since the CMK may have changed meanwhile.
func settleCMK(w store.Writer, path string, now time.Time) error {
	value, err := w.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	record, err := decodeCMK(value)
	if err != nil {
		return err
	}
	settled, gone := record.Lifecycle.Settle(now)
	if gone {
		return deleteCMK(w, path, record)
	}
	record.Lifecycle = settled
	return putJSON(w, path, record)
}

// deleteCMK removes a CMK and the index of its versions. The wrapped material goes with the record.
func deleteCMK(w store.Writer, path string, record *cmkRecord) error {
	scope := strings.TrimSuffix(strings.TrimPrefix(path, cmkPrefix), record.KeyID)
	for _, v := range record.Versions {
		if err := w.Delete(versionPrefix + scope + v.ID); err != nil {
			return err
		}
	}
	return w.Delete(path)
}

package server

import (
	"context"
	"errors"
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
	for _, d := range due {
		if err := s.store.Update(ctx, func(w store.Writer) error { return settleCMK(w, d.scope, now, d.keyID) }); err != nil {
			return err
		}
	}
	return s.sweepNonces(ctx, now)
}

func (s *Service) dueCMKs(ctx context.Context, now time.Time) (due []dueCMK, err error) {
	err = s.store.View(ctx, func(r store.Reader) error {
		return dueBy(r, now, func(d dueCMK) error {
			due = append(due, d)
			return nil
		})
	})
	return due, err
}

// settleCMK writes what time has made of a CMK. It looks again, since the CMK may have changed meanwhile.
func settleCMK(w store.Writer, scope Scope, now time.Time, keyID string) error {
	path := cmkPath(scope, keyID)
	value, err := w.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	record, err := decodeCMK(path, value)
	if err != nil {
		return err
	}
	if _, gone := record.settle(now); gone {
		return deleteCMK(w, scope, record)
	}
	return putCMK(w, scope, record)
}

// deleteCMK removes a CMK with its aliases and the index of its versions. Wrapped material and tags go with the record.
func deleteCMK(w store.Writer, scope Scope, record *cmkRecord) error {
	if err := dropAliasesOf(w, scope, record.KeyID); err != nil {
		return err
	}
	for _, v := range record.Versions {
		if err := w.Delete(versionPath(scope, v.ID)); err != nil {
			return err
		}
	}
	if err := w.Delete(cmkPath(scope, record.KeyID)); err != nil {
		return err
	}
	return errors.Join(cmkList(scope).Remove(w, record.KeyID), leave(w, scope, record))
}

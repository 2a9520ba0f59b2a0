package server

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// createKey makes a CMK. With origin EXTERNAL it has a version without material, and waits for an import (§4.1).
func (s *Service) createKey(c *call, r *kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error) {
	record, err := s.newCMK(c, r)
	if err != nil {
		return nil, err
	}
	c.keyID = record.KeyID
	err = s.store.Update(c.ctx, func(w store.Writer) error {
		if err := s.roomForKey(w, c); err != nil {
			return err
		}
		return addCMK(w, c, record)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateKeyResponse{KeyMetadata: record.metadata(c)}, nil
}

func (s *Service) newCMK(c *call, r *kmsapi.CreateKeyRequest) (*cmkRecord, error) {
	version := versionRecord{ID: uuid.NewString(), CreationDate: c.now}
	record := &cmkRecord{
		KeyID:           uuid.NewString(),
		Description:     r.Description,
		ProtectionLevel: r.ProtectionLevel,
		CreationDate:    c.now,
		Lifecycle:       keystate.New(r.Origin),
		PrimaryVersion:  version.ID,
	}
	if r.Origin == kmsapi.OriginKMS {
		material, err := crypt.NewMaterial(s.rand)
		if err != nil {
			return nil, err
		}
		defer material.Clear()
		if version.Wrapped, err = s.root.Wrap(materialPath(c, record.KeyID, version.ID), material); err != nil {
			return nil, err
		}
	}
	record.Versions = []versionRecord{version}
	return record, nil
}

// describeKey tells all about a CMK (§4.9).
func (s *Service) describeKey(c *call, r *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error) {
	record, err := s.findForUse(c, byIDOrAlias(r.KeyId), kmsapi.OpDescribeKey)
	if err != nil {
		return nil, err
	}
	return &kmsapi.DescribeKeyResponse{KeyMetadata: record.metadata(c)}, nil
}

// listKeys gives one page of the CMKs of the account and region, in the order of their ids (§4.10).
func (s *Service) listKeys(c *call, r *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error) {
	found := newPage[kmsapi.KeyEntry](r.PageNumber, r.PageSize)
	err := s.store.View(c.ctx, func(reader store.Reader) error {
		gone, err := goneCMKs(reader, c)
		if err != nil {
			return err
		}
		slices.Sort(gone)
		return found.fill(reader, cmkList(c), gone, func(keyID string, _ []byte) (kmsapi.KeyEntry, error) {
			return kmsapi.KeyEntry{KeyId: keyID, KeyArn: keyARN(c, keyID)}, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.ListKeysResponse{
		Keys: kmsapi.KeyList{Key: found.items}, PageNumber: found.number, PageSize: found.size, TotalCount: found.total,
	}, nil
}

// enableKey lets a CMK be used again (§4.4).
func (s *Service) enableKey(c *call, r *kmsapi.EnableKeyRequest) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{}, s.changeState(c, r.KeyId, keystate.Lifecycle.Enable)
}

// disableKey stops a CMK from being used (§4.5).
func (s *Service) disableKey(c *call, r *kmsapi.DisableKeyRequest) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{}, s.changeState(c, r.KeyId, keystate.Lifecycle.Disable)
}

// scheduleKeyDeletion plans the deletion of a CMK (§4.6).
func (s *Service) scheduleKeyDeletion(c *call, r *kmsapi.ScheduleKeyDeletionRequest) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return &kmsapi.ScheduleKeyDeletionResponse{}, s.changeState(c, r.KeyId, func(l keystate.Lifecycle, now time.Time) (keystate.Lifecycle, error) {
		return l.ScheduleDeletion(now, r.PendingWindowInDays)
	})
}

// cancelKeyDeletion calls a planned deletion off (§4.7).
func (s *Service) cancelKeyDeletion(c *call, r *kmsapi.CancelKeyDeletionRequest) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{}, s.changeState(c, r.KeyId, keystate.Lifecycle.CancelDeletion)
}

// changeState moves a CMK to the state that comes after step.
func (s *Service) changeState(c *call, keyID string, step func(keystate.Lifecycle, time.Time) (keystate.Lifecycle, error)) error {
	return s.changeCMK(c, keyID, func(record *cmkRecord) error {
		after, err := step(record.Lifecycle, c.now)
		if err != nil {
			return err
		}
		record.become(after)
		return nil
	})
}

// changeCMK lets change work on the record of a CMK, and stores it, in one transaction.
func (s *Service) changeCMK(c *call, keyID string, change func(*cmkRecord) error) error {
	return s.store.Update(c.ctx, func(w store.Writer) error {
		record, err := byID(keyID)(w, c)
		if err != nil {
			return err
		}
		if err := change(record); err != nil {
			return err
		}
		return putCMK(w, c, record)
	})
}

// findForUse is [finder.forUse] in a transaction of its own.
func (s *Service) findForUse(c *call, find finder, op kmsapi.Operation) (record *cmkRecord, err error) {
	err = s.store.View(c.ctx, func(r store.Reader) error {
		record, err = find.forUse(r, c, op)
		return err
	})
	return record, err
}

package server

import (
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
		if err := w.Put(versionPath(c, record.PrimaryVersion), []byte(record.KeyID)); err != nil {
			return err
		}
		return putJSON(w, cmkPath(c, record.KeyID), record)
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
	record, err := s.findForUse(c, r.KeyId, kmsapi.OpDescribeKey)
	if err != nil {
		return nil, err
	}
	return &kmsapi.DescribeKeyResponse{KeyMetadata: record.metadata(c)}, nil
}

// listKeys gives one page of the CMKs of the account and region, in the order of their ids (§4.10).
func (s *Service) listKeys(c *call, r *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error) {
	resp := &kmsapi.ListKeysResponse{
		PageNumber: r.PageNumber,
		PageSize:   r.PageSize,
		Keys:       kmsapi.KeyList{Key: []kmsapi.KeyEntry{}},
	}
	first := (r.PageNumber - 1) * r.PageSize
	err := s.store.View(c.ctx, func(reader store.Reader) error {
		return reader.Scan(cmkPrefix+scope(c), "", func(_ string, value []byte) (bool, error) {
			record, err := decodeCMK(value)
			if err != nil {
				return false, err
			}
			if _, gone := record.Lifecycle.Settle(c.now); gone {
				return true, nil
			}
			if resp.TotalCount >= first && len(resp.Keys.Key) < r.PageSize {
				resp.Keys.Key = append(resp.Keys.Key, kmsapi.KeyEntry{KeyId: record.KeyID, KeyArn: keyARN(c, record.KeyID)})
			}
			resp.TotalCount++
			return true, nil
		})
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// enableKey lets a CMK be used again (§4.4).
func (s *Service) enableKey(c *call, r *kmsapi.EnableKeyRequest) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{}, s.changeState(c, r.KeyId, kmsapi.OpEnableKey, 0)
}

// disableKey stops a CMK from being used (§4.5).
func (s *Service) disableKey(c *call, r *kmsapi.DisableKeyRequest) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{}, s.changeState(c, r.KeyId, kmsapi.OpDisableKey, 0)
}

// scheduleKeyDeletion plans the deletion of a CMK (§4.6).
func (s *Service) scheduleKeyDeletion(c *call, r *kmsapi.ScheduleKeyDeletionRequest) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return &kmsapi.ScheduleKeyDeletionResponse{}, s.changeState(c, r.KeyId, kmsapi.OpScheduleKeyDeletion, r.PendingWindowInDays)
}

// cancelKeyDeletion calls a planned deletion off (§4.7).
func (s *Service) cancelKeyDeletion(c *call, r *kmsapi.CancelKeyDeletionRequest) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{}, s.changeState(c, r.KeyId, kmsapi.OpCancelKeyDeletion, 0)
}

// changeState runs op's step of the state machine on a CMK, in one transaction.
func (s *Service) changeState(c *call, keyID string, op kmsapi.Operation, pendingWindowInDays int) error {
	if err := refuseAlias(keyID); err != nil {
		return err
	}
	return s.store.Update(c.ctx, func(w store.Writer) error {
		record, err := getCMK(w, c, keyID)
		if err != nil {
			return err
		}
		if record.Lifecycle, err = record.Lifecycle.Apply(op, c.now, pendingWindowInDays); err != nil {
			return err
		}
		return putJSON(w, cmkPath(c, keyID), record)
	})
}

// findForUse reads a CMK by id or alias, and checks that op may run in its state.
func (s *Service) findForUse(c *call, keyID string, op kmsapi.Operation) (*cmkRecord, error) {
	id, err := resolveKeyID(keyID)
	if err != nil {
		return nil, err
	}
	var record *cmkRecord
	err = s.store.View(c.ctx, func(r store.Reader) error {
		record, err = getCMK(r, c, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := record.Lifecycle.Apply(op, c.now, 0); err != nil {
		return nil, err
	}
	return record, nil
}

package server

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// createKey makes a CMK. With origin EXTERNAL it has a version without material, and waits for an import (§4.1).
func (s *Service) createKey(
	ctx context.Context, inv *invocation, r *kmsapi.CreateKeyRequest,
) (*kmsapi.CreateKeyResponse, error) {
	cmk, err := s.keys.NewCMK(inv.scope, inv.now, keyring.Attributes{
		Description: r.Description, ProtectionLevel: r.ProtectionLevel, Origin: r.Origin,
	})
	if err != nil {
		return nil, err
	}
	inv.keyID = cmk.KeyID
	err = s.update(ctx, inv, func(w keyring.Writer) error {
		if err := s.roomForKey(w.Reader); err != nil {
			return err
		}
		return w.AddCMK(cmk)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateKeyResponse{KeyMetadata: metadata(inv.scope, cmk)}, nil
}

// describeKey returns the metadata of a CMK (§4.9).
func (s *Service) describeKey(
	ctx context.Context, inv *invocation, r *kmsapi.DescribeKeyRequest,
) (*kmsapi.DescribeKeyResponse, error) {
	cmk, err := s.findForUse(ctx, inv, byIDOrAlias(r.KeyId))
	if err != nil {
		return nil, err
	}
	return &kmsapi.DescribeKeyResponse{KeyMetadata: metadata(inv.scope, cmk)}, nil
}

func metadata(scope keyring.Scope, cmk *keyring.CMK) kmsapi.KeyMetadata {
	return kmsapi.KeyMetadata{
		KeyId:              cmk.KeyID,
		Arn:                keyARN(scope, cmk.KeyID),
		KeyState:           cmk.Lifecycle.State,
		KeySpec:            cmk.KeySpec,
		KeyUsage:           cmk.KeyUsage,
		Origin:             cmk.Lifecycle.Origin,
		ProtectionLevel:    cmk.ProtectionLevel,
		Creator:            scope.Account,
		CreationDate:       wireTime(cmk.CreationDate),
		DeleteDate:         wireTime(cmk.Lifecycle.DeleteDate),
		MaterialExpireTime: wireTime(cmk.Lifecycle.MaterialExpireTime),
		Description:        cmk.Description,
		PrimaryKeyVersion:  cmk.Primary.ID,
		LastRotationDate:   wireTime(cmk.Primary.CreationDate),
		AutomaticRotation:  "Disabled",
	}
}

// wireTime is a time as answers have it, and "" for none.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(kmsapi.TimeFormat)
}

// listKeys returns a page of the CMKs of the account and region, in the order of their ids (§4.10).
func (s *Service) listKeys(
	ctx context.Context, inv *invocation, r *kmsapi.ListKeysRequest,
) (*kmsapi.ListKeysResponse, error) {
	var page keyring.Page[string]
	err := s.view(ctx, inv, func(reader keyring.Reader) (err error) {
		page, err = reader.CMKs(r.PageNumber, r.PageSize)
		return err
	})
	if err != nil {
		return nil, err
	}
	entries := make([]kmsapi.KeyEntry, len(page.Items))
	for i, keyID := range page.Items {
		entries[i] = kmsapi.KeyEntry{KeyId: keyID, KeyArn: keyARN(inv.scope, keyID)}
	}
	return &kmsapi.ListKeysResponse{
		Keys: kmsapi.KeyList{Key: entries}, PageNumber: r.PageNumber, PageSize: r.PageSize, TotalCount: page.Total,
	}, nil
}

package server

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// enableKey lets a CMK be used again (§4.4).
func (s *Service) enableKey(
	ctx context.Context, inv *invocation, r *kmsapi.EnableKeyRequest,
) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{}, s.changeState(ctx, inv, r.KeyId, 0)
}

// disableKey stops a CMK from being used (§4.5).
func (s *Service) disableKey(
	ctx context.Context, inv *invocation, r *kmsapi.DisableKeyRequest,
) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{}, s.changeState(ctx, inv, r.KeyId, 0)
}

// scheduleKeyDeletion schedules the deletion of a CMK (§4.6).
func (s *Service) scheduleKeyDeletion(
	ctx context.Context, inv *invocation, r *kmsapi.ScheduleKeyDeletionRequest,
) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return &kmsapi.ScheduleKeyDeletionResponse{}, s.changeState(ctx, inv, r.KeyId, r.PendingWindowInDays)
}

// cancelKeyDeletion cancels a scheduled deletion (§4.7).
func (s *Service) cancelKeyDeletion(
	ctx context.Context, inv *invocation, r *kmsapi.CancelKeyDeletionRequest,
) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{}, s.changeState(ctx, inv, r.KeyId, 0)
}

// deleteKeyMaterial erases imported key material. Its fingerprint stays (§4.8).
func (s *Service) deleteKeyMaterial(
	ctx context.Context, inv *invocation, r *kmsapi.DeleteKeyMaterialRequest,
) (*kmsapi.DeleteKeyMaterialResponse, error) {
	return &kmsapi.DeleteKeyMaterialResponse{}, s.changeState(ctx, inv, r.KeyId, 0)
}

// changeState runs the operation's step of the state machine on a CMK.
func (s *Service) changeState(ctx context.Context, inv *invocation, keyID string, pendingWindowInDays int) error {
	return s.changeCMK(ctx, inv, keyID, func(cmk *keyring.CMK) error {
		after, err := cmk.Lifecycle.Apply(inv.operation, inv.now, pendingWindowInDays)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return nil
	})
}

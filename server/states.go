package server

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// enableKey lets a CMK be used again (§4.4).
func (s *Service) enableKey(
	ctx context.Context, inv *invocation, r *kmsapi.EnableKeyRequest,
) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{}, s.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.Enable)
}

// disableKey stops a CMK from being used (§4.5).
func (s *Service) disableKey(
	ctx context.Context, inv *invocation, r *kmsapi.DisableKeyRequest,
) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{}, s.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.Disable)
}

// scheduleKeyDeletion schedules the deletion of a CMK (§4.6).
func (s *Service) scheduleKeyDeletion(
	ctx context.Context, inv *invocation, r *kmsapi.ScheduleKeyDeletionRequest,
) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	schedule := func(l keystate.Lifecycle, now time.Time) (keystate.Lifecycle, error) {
		return l.ScheduleDeletion(now, r.PendingWindowInDays)
	}
	return &kmsapi.ScheduleKeyDeletionResponse{}, s.changeState(ctx, inv, r.KeyId, schedule)
}

// cancelKeyDeletion cancels a scheduled deletion (§4.7).
func (s *Service) cancelKeyDeletion(
	ctx context.Context, inv *invocation, r *kmsapi.CancelKeyDeletionRequest,
) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{}, s.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.CancelDeletion)
}

// deleteKeyMaterial erases imported key material. Its fingerprint stays (§4.8).
func (s *Service) deleteKeyMaterial(
	ctx context.Context, inv *invocation, r *kmsapi.DeleteKeyMaterialRequest,
) (*kmsapi.DeleteKeyMaterialResponse, error) {
	return &kmsapi.DeleteKeyMaterialResponse{}, s.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.DeleteMaterial)
}

// transition is a step of the state machine, which it refuses in a state that does not allow it.
type transition func(l keystate.Lifecycle, now time.Time) (keystate.Lifecycle, error)

func (s *Service) changeState(ctx context.Context, inv *invocation, keyID string, step transition) error {
	return s.changeCMK(ctx, inv, keyID, func(cmk *keyring.CMK) error {
		after, err := step(cmk.Lifecycle, inv.now)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return nil
	})
}

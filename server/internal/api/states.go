package api

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// enableKey lets a CMK be used again (§4.4).
func (a *API) enableKey(
	ctx context.Context, inv *Invocation, r *kmsapi.EnableKeyRequest,
) (*kmsapi.EnableKeyResponse, error) {
	return &kmsapi.EnableKeyResponse{}, a.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.Enable)
}

// disableKey stops a CMK from being used (§4.5).
func (a *API) disableKey(
	ctx context.Context, inv *Invocation, r *kmsapi.DisableKeyRequest,
) (*kmsapi.DisableKeyResponse, error) {
	return &kmsapi.DisableKeyResponse{}, a.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.Disable)
}

// errDeletionProtected refuses the deletion of a CMK. No source says which code the real service has. This one has a
// status other than 404, which clients take to mean that the key is gone.
var errDeletionProtected = kmsapi.ErrStateModifiedFailed.WithMessage("Deletion protection is enabled for the key.")

// scheduleKeyDeletion schedules the deletion of a CMK (§4.6), unless it is protected.
func (a *API) scheduleKeyDeletion(
	ctx context.Context, inv *Invocation, r *kmsapi.ScheduleKeyDeletionRequest,
) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return &kmsapi.ScheduleKeyDeletionResponse{}, a.changeCMK(ctx, inv, r.KeyId, func(cmk *keyring.CMK) error {
		after, err := cmk.Lifecycle.ScheduleDeletion(inv.Now, r.PendingWindowInDays)
		if err != nil {
			return err
		}
		if cmk.DeletionProtection {
			return errDeletionProtected
		}
		cmk.Become(after)
		return nil
	})
}

// setDeletionProtection enables or disables the deletion protection of a CMK. The description belongs to an enabled
// protection, and is removed with it.
func (a *API) setDeletionProtection(
	ctx context.Context, inv *Invocation, r *kmsapi.SetDeletionProtectionRequest,
) (*kmsapi.SetDeletionProtectionResponse, error) {
	if r.KeyId == "" { // WithLocalNames has set it if there is a resource name.
		return nil, kmsapi.MissingParameter(protectedParam)
	}
	return &kmsapi.SetDeletionProtectionResponse{}, a.changeCMK(ctx, inv, r.KeyId, func(cmk *keyring.CMK) error {
		cmk.DeletionProtection, cmk.DeletionProtectionDescription = r.EnableDeletionProtection, ""
		if r.EnableDeletionProtection {
			cmk.DeletionProtectionDescription = r.DeletionProtectionDescription
		}
		return cmk.Allows(inv.Operation, inv.Now)
	})
}

// cancelKeyDeletion cancels a scheduled deletion (§4.7).
func (a *API) cancelKeyDeletion(
	ctx context.Context, inv *Invocation, r *kmsapi.CancelKeyDeletionRequest,
) (*kmsapi.CancelKeyDeletionResponse, error) {
	return &kmsapi.CancelKeyDeletionResponse{}, a.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.CancelDeletion)
}

// deleteKeyMaterial erases imported key material. Its fingerprint stays (§4.8).
func (a *API) deleteKeyMaterial(
	ctx context.Context, inv *Invocation, r *kmsapi.DeleteKeyMaterialRequest,
) (*kmsapi.DeleteKeyMaterialResponse, error) {
	return &kmsapi.DeleteKeyMaterialResponse{}, a.changeState(ctx, inv, r.KeyId, keystate.Lifecycle.DeleteMaterial)
}

// transition is a step of the state machine. It returns an error in a state that does not allow the step.
type transition func(l keystate.Lifecycle, now time.Time) (keystate.Lifecycle, error)

func (a *API) changeState(ctx context.Context, inv *Invocation, keyID string, step transition) error {
	return a.changeCMK(ctx, inv, keyID, func(cmk *keyring.CMK) error {
		after, err := step(cmk.Lifecycle, inv.Now)
		if err != nil {
			return err
		}
		cmk.Become(after)
		return nil
	})
}

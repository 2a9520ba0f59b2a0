package api

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// deleteSecret schedules the deletion of a secret, or deletes it at once, even if its deletion is already scheduled.
func (a *API) deleteSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.DeleteSecretRequest,
) (*kmsapi.DeleteSecretResponse, error) {
	at := inv.Now
	if !r.ForceDeleteWithoutRecovery {
		at = at.Add(time.Duration(r.RecoveryWindowInDays) * 24 * time.Hour)
	}
	resp := &kmsapi.DeleteSecretResponse{SecretName: r.SecretName, PlannedDeleteTime: wireTime(at)}
	return resp, a.update(ctx, inv, func(w keyring.Writer) error {
		secret, err := w.Secret(r.SecretName)
		if err != nil {
			return err
		}
		if r.ForceDeleteWithoutRecovery {
			return w.DeleteSecret(secret)
		}
		if err := secret.InDeleteWindow(); err != nil {
			return err
		}
		secret.DeleteDate, secret.UpdateDate = at, inv.Now
		return w.PutSecret(secret)
	})
}

// restoreSecret cancels the scheduled deletion of a secret.
func (a *API) restoreSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.RestoreSecretRequest,
) (*kmsapi.RestoreSecretResponse, error) {
	return &kmsapi.RestoreSecretResponse{SecretName: r.SecretName}, a.changeSecret(ctx, inv, r.SecretName,
		func(secret *keyring.Secret) error {
			if secret.DeleteDate.IsZero() {
				return kmsapi.ErrResourceInUse
			}
			secret.DeleteDate = time.Time{}
			return nil
		})
}

// rotateSecret refuses every secret: only managed ones are rotated.
func (a *API) rotateSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.RotateSecretRequest,
) (*kmsapi.RotateSecretResponse, error) {
	if err := a.exists(ctx, inv, r.SecretName); err != nil {
		return nil, err
	}
	return nil, kmsapi.ErrRejectedUnsupportedOperation
}

// updateSecretRotationPolicy accepts only that a secret is not rotated automatically.
func (a *API) updateSecretRotationPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateSecretRotationPolicyRequest,
) (*kmsapi.UpdateSecretRotationPolicyResponse, error) {
	if err := a.exists(ctx, inv, r.SecretName); err != nil {
		return nil, err
	}
	if r.EnableAutomaticRotation {
		return nil, kmsapi.ErrRejectedUnsupportedOperation
	}
	return &kmsapi.UpdateSecretRotationPolicyResponse{SecretName: r.SecretName}, nil
}

// exists returns [kmsapi.ErrResourceNotFound] if there is no secret called name.
func (a *API) exists(ctx context.Context, inv *Invocation, name string) error {
	return a.view(ctx, inv, func(r keyring.Reader) error {
		_, err := r.Secret(name)
		return err
	})
}

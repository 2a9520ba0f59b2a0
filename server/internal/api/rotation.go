package api

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// defaultKeyInterval is the only rotation interval of a default key.
const defaultKeyInterval = 365 * 24 * time.Hour

// updateRotationPolicy says whether, and how often, a CMK is rotated automatically. If the next rotation would have
// been in the past, it is made at once; if there is no room for its version, the sweeper tries again.
func (a *API) updateRotationPolicy(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateRotationPolicyRequest,
) (*kmsapi.UpdateRotationPolicyResponse, error) {
	interval, err := a.rotationInterval(r.EnableAutomaticRotation, r.RotationInterval)
	if err != nil {
		return nil, err
	}
	return &kmsapi.UpdateRotationPolicyResponse{}, a.update(ctx, inv, func(w keyring.Writer) error {
		cmk, err := byID(r.KeyId).forUse(w.Reader, inv)
		if err != nil {
			return err
		}
		if !canRotate(cmk.KeySpec, cmk.Lifecycle.Origin) {
			return kmsapi.ErrRejectedUnsupportedOperation
		}
		if interval > 0 {
			if err := a.checkServed(cmk.KeySpec); err != nil {
				return err
			}
		}
		if err := checkInterval(cmk.Default, interval); err != nil {
			return err
		}
		cmk.RotationInterval = interval
		if !cmk.IsDue(inv.Now) {
			return w.PutCMK(cmk)
		}
		switch err := a.roomForVersion(w.Reader); {
		case errors.Is(err, kmsapi.ErrLimitExceeded):
			return w.PutCMK(cmk)
		case err != nil:
			return err
		}
		version, err := a.keys.NewVersion(inv.scope(), inv.Now, cmk)
		if err != nil {
			return err
		}
		return w.AddVersion(cmk, version)
	})
}

// newRotation is the rotation interval of a new CMK, and zero if it has none.
func (a *API) newRotation(keySpec string, r *kmsapi.CreateKeyRequest) (time.Duration, error) {
	interval, err := a.rotationInterval(r.EnableAutomaticRotation, r.RotationInterval)
	if err == nil && interval > 0 && !canRotate(keySpec, r.Origin) {
		err = kmsapi.ErrRejectedUnsupportedOperation
	}
	return interval, err
}

// rotationInterval is the interval that a request asks for, and zero if the rotation is not enabled.
func (a *API) rotationInterval(enabled bool, interval string) (time.Duration, error) {
	if !enabled {
		return 0, nil
	}
	bounds := a.rotation.Load()
	return kmsapi.ParseRotationInterval(interval, bounds.Shortest, bounds.Longest)
}

// canRotate reports whether a CMK can have a rotation policy.
func canRotate(keySpec string, origin kmsapi.Origin) bool {
	return !kmsapi.IsAsymmetric(keySpec) && origin != kmsapi.OriginExternal
}

// checkInterval refuses what a default key can't have.
func checkInterval(isDefault bool, interval time.Duration) error {
	if !isDefault || interval == 0 || interval == defaultKeyInterval {
		return nil
	}
	return kmsapi.InvalidParameter("RotationInterval", "That of a default key must be 365d.")
}

// automaticRotation is what KeyMetadata says of the rotation of a CMK.
func (a *API) automaticRotation(cmk *keyring.CMK) string {
	switch {
	case cmk.RotationInterval == 0:
		return kmsapi.RotationDisabled
	case cmk.Lifecycle.State != kmsapi.Enabled, a.checkServed(cmk.KeySpec) != nil:
		return kmsapi.RotationSuspended
	default:
		return kmsapi.RotationEnabled
	}
}

// wireInterval is a rotation interval as answers have it, and "" for none.
func wireInterval(interval time.Duration) string {
	if interval == 0 {
		return ""
	}
	return kmsapi.FormatRotationInterval(interval)
}

// Rotate rotates the CMKs that are due at now, unless that would be more versions than the quota, or of a KeySpec that
// the service does not have. rotated is called after each.
func (a *API) Rotate(ctx context.Context, now time.Time, rotated func(keyring.Rotation) error) error {
	return a.keys.Rotate(ctx, now, func(r keyring.Reader, cmk *keyring.CMK) error {
		return cmp.Or(a.checkServed(cmk.KeySpec), a.roomForVersion(r))
	}, rotated)
}

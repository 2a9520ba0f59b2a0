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

// updateRotationPolicy sets whether, and how often, a CMK is rotated automatically. If the next rotation would have
// been in the past, the CMK is rotated at once; if there is no room for the new version, the sweeper tries again.
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

// newRotation returns the rotation interval of a new CMK, or zero if it has none.
func (a *API) newRotation(keySpec string, r *kmsapi.CreateKeyRequest) (time.Duration, error) {
	interval, err := a.rotationInterval(r.EnableAutomaticRotation, r.RotationInterval)
	if err == nil && interval > 0 && !canRotate(keySpec, r.Origin) {
		err = kmsapi.ErrRejectedUnsupportedOperation
	}
	return interval, err
}

// rotationInterval returns the interval that a request asks for, or zero if rotation is not enabled.
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

// checkInterval refuses an interval that a default key can't have.
func checkInterval(isDefault bool, interval time.Duration) error {
	if !isDefault || interval == 0 || interval == defaultKeyInterval {
		return nil
	}
	return kmsapi.InvalidParameter("RotationInterval", "That of a default key must be 365d.")
}

// automaticRotation returns the AutomaticRotation of a CMK's KeyMetadata.
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

// wireInterval returns a rotation interval in the form of answers, or "" for zero.
func wireInterval(interval time.Duration) string {
	if interval == 0 {
		return ""
	}
	return kmsapi.FormatRotationInterval(interval)
}

// Rotate rotates the CMKs that are due at now, except for those whose new version would exceed the quota or whose
// KeySpec the service does not have. rotated is called after each.
func (a *API) Rotate(ctx context.Context, now time.Time, rotated func(keyring.Rotation) error) error {
	return a.keys.Rotate(ctx, now, func(r keyring.Reader, cmk *keyring.CMK) error {
		return cmp.Or(a.checkServed(cmk.KeySpec), a.roomForVersion(r))
	}, rotated)
}

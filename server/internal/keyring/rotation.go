package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// NextRotation returns when the CMK is next rotated automatically, an interval after its last rotation, or zero if
// automatic rotation is off. It may be in the past: a CMK that is not enabled is not rotated.
func (c *CMK) NextRotation() time.Time {
	if c.RotationInterval == 0 {
		return time.Time{}
	}
	return c.Primary.CreationDate.Truncate(time.Second).Add(c.RotationInterval)
}

// rotationDue returns when the sweeper rotates the CMK, or zero if it does not rotate it in its state.
func (c *CMK) rotationDue() time.Time {
	if c.Lifecycle.State != kmsapi.Enabled {
		return time.Time{}
	}
	return c.NextRotation()
}

// IsDue reports whether the CMK is due for rotation at now.
func (c *CMK) IsDue(now time.Time) bool {
	due := c.rotationDue()
	return !due.IsZero() && !now.Before(due)
}

// Rotation is a rotation that [Keyring.Rotate] has made.
type Rotation struct {
	Scope
	KeyID, InstanceID, VersionID string
}

// Rotate gives each CMK whose rotation is due one new primary version, however many intervals have passed. It finds
// them in a read transaction and rotates each in a write transaction of its own, in which it checks again, so that no
// CMK is rotated twice. rotated is called after each.
//
// may returns an error that wraps [kmsapi.ErrLimitExceeded] if the scope may not have another version. Then the scope's
// CMKs stay as they are until the next call, and Rotate goes on with other scopes before it returns the error. If the
// error wraps [kmsapi.ErrUnsupportedOperation], only that CMK is skipped, and Rotate does not report it.
func (k *Keyring) Rotate(
	ctx context.Context, now time.Time, may func(Reader, *CMK) error, rotated func(Rotation) error,
) error {
	var all []dueCMK
	err := k.store.View(ctx, func(r store.Reader) error {
		all = all[:0]
		return eachUntil(r, rotationPrefix, now, func(due dueCMK) error {
			all = append(all, due)
			return nil
		})
	})
	if err != nil {
		return err
	}
	full := map[Scope]error{}
	for _, due := range all {
		if full[due.scope] != nil {
			continue
		}
		switch made, err := k.rotate(ctx, due, now, may); {
		case errors.Is(err, kmsapi.ErrUnsupportedOperation):
		case errors.Is(err, kmsapi.ErrLimitExceeded):
			full[due.scope] = fmt.Errorf("keys of account %s in %s wait for their rotation: %w",
				due.scope.Account, due.scope.Region, err)
		case err != nil:
			return err
		case made.VersionID != "":
			if err := rotated(made); err != nil {
				return err
			}
		}
	}
	var waiting []error
	for _, err := range full {
		waiting = append(waiting, err)
	}
	return errors.Join(waiting...)
}

// rotate rotates a CMK, unless it is no longer due because it was rotated, changed or deleted meanwhile.
func (k *Keyring) rotate(
	ctx context.Context, due dueCMK, now time.Time, may func(Reader, *CMK) error,
) (made Rotation, err error) {
	err = k.Update(ctx, due.scope, now, func(w Writer) error {
		made = Rotation{}
		cmk, err := w.CMK(due.keyID)
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			return nil
		}
		if err != nil || !cmk.IsDue(now) {
			return err
		}
		if err := may(w.Reader, cmk); err != nil {
			return err
		}
		version, err := k.NewVersion(due.scope, now, cmk)
		if err != nil {
			return err
		}
		made = Rotation{due.scope, cmk.KeyID, cmk.InstanceID, version.ID}
		return w.AddVersion(cmk, version)
	})
	return made, err
}

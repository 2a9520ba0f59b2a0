package keystate

import (
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Lifecycle is the state of a key's life. It is a value: compare it with ==, and store it as it is. Dates are in UTC
// and multiples of a second, as the API shows them, and zero when they do not apply.
type Lifecycle struct {
	State  kmsapi.KeyState
	Origin kmsapi.Origin
	// HasMaterial is false for a CMK of origin EXTERNAL before the first import, and once its material has expired or
	// been deleted. A CMK in state PendingDeletion remembers it in case the deletion is cancelled.
	HasMaterial bool
	// DeleteDate is when the CMK is deleted; it is set only in state PendingDeletion.
	DeleteDate time.Time
	// MaterialExpireTime is when imported material expires; zero means never.
	MaterialExpireTime time.Time
}

// New returns the life of a new CMK: enabled, or waiting for an import if its origin is EXTERNAL (§2).
func New(origin kmsapi.Origin) Lifecycle {
	if origin == kmsapi.OriginExternal {
		return Lifecycle{State: kmsapi.PendingImport, Origin: origin}
	}
	return Lifecycle{State: kmsapi.Enabled, Origin: origin, HasMaterial: true}
}

// Settle returns the life after the changes that time has made. gone means that the deletion date has come, so that the
// CMK no longer exists. Expired material is gone too: HasMaterial becomes false, and the caller must erase the material
// that it stores. A date takes effect at that very second.
func (l Lifecycle) Settle(now time.Time) (settled Lifecycle, gone bool) {
	if l.State == kmsapi.PendingDeletion && !now.Before(l.DeleteDate) {
		return l, true
	}
	if l.HasMaterial && !l.MaterialExpireTime.IsZero() && !now.Before(l.MaterialExpireTime) {
		l = l.withoutMaterial()
	}
	return l, false
}

// Due returns when the CMK will next change without a request, or zero if it never will. Settle changes nothing before
// that.
func (l Lifecycle) Due() time.Time {
	var due time.Time
	if l.State == kmsapi.PendingDeletion {
		due = l.DeleteDate
	}
	if expires := l.MaterialExpireTime; l.HasMaterial && !expires.IsZero() && (due.IsZero() || expires.Before(due)) {
		due = expires
	}
	return due
}

func (l Lifecycle) withoutMaterial() Lifecycle {
	l.HasMaterial, l.MaterialExpireTime = false, time.Time{}
	if l.State != kmsapi.PendingDeletion {
		l.State = kmsapi.PendingImport
	}
	return l
}

// Allow returns the life as it is at now if op may run in it, and otherwise l with the error of the reference: one of
// the kmsapi.ErrRejected values, [kmsapi.ErrStateModifiedFailed], [kmsapi.ErrUnsupportedOrigin], or
// [kmsapi.ErrKeyNotFound] if the key is gone.
func (l Lifecycle) Allow(op kmsapi.Operation, now time.Time) (Lifecycle, error) {
	settled, gone := l.Settle(now)
	if gone {
		return l, kmsapi.ErrKeyNotFound
	}
	if op.ExternalOnly() && l.Origin != kmsapi.OriginExternal {
		return l, kmsapi.ErrUnsupportedOrigin
	}
	if refusal := op.Refusal(settled.State); refusal != nil {
		return l, refusal
	}
	return settled, nil
}

// The functions that follow return the life after an operation. Each first checks, as [Lifecycle.Allow] does, that the
// operation may run now; on refusal it returns l unchanged with the error.

// Enable lets the key be used again (§4.4).
func (l Lifecycle) Enable(now time.Time) (Lifecycle, error) {
	return l.after(kmsapi.OpEnableKey, now, func(l *Lifecycle) { l.State = kmsapi.Enabled })
}

// Disable stops the key from being used (§4.5).
func (l Lifecycle) Disable(now time.Time) (Lifecycle, error) {
	return l.after(kmsapi.OpDisableKey, now, func(l *Lifecycle) { l.State = kmsapi.Disabled })
}

const day = 24 * time.Hour

// ScheduleDeletion schedules the deletion of the key in 7 to 30 days; any other number is [kmsapi.ErrInvalidParameter]
// (§4.6). It rounds up to a full second, so that no key is deleted sooner than its owner expects.
func (l Lifecycle) ScheduleDeletion(now time.Time, days int) (Lifecycle, error) {
	next, err := l.after(kmsapi.OpScheduleKeyDeletion, now, func(l *Lifecycle) {
		l.State = kmsapi.PendingDeletion
		l.DeleteDate = now.UTC().Add(time.Duration(days)*day + time.Second - time.Nanosecond).Truncate(time.Second)
	})
	if err == nil && (days < kmsapi.MinPendingWindowInDays || days > kmsapi.MaxPendingWindowInDays) {
		return l, kmsapi.InvalidParameter("PendingWindowInDays", fmt.Sprintf(
			"It must be an integer, %d to %d.", kmsapi.MinPendingWindowInDays, kmsapi.MaxPendingWindowInDays))
	}
	return next, err
}

// CancelDeletion enables the key (§4.7), even if it was disabled before. A key without material can't be enabled, so it
// waits for an import.
func (l Lifecycle) CancelDeletion(now time.Time) (Lifecycle, error) {
	return l.after(kmsapi.OpCancelKeyDeletion, now, func(l *Lifecycle) {
		l.State, l.DeleteDate = kmsapi.Enabled, time.Time{}
		if !l.HasMaterial {
			l.State = kmsapi.PendingImport
		}
	})
}

// Import gives the key material that expires at the given time, or never if that is zero (§4.3). A disabled key stays
// disabled.
func (l Lifecycle) Import(now, expires time.Time) (Lifecycle, error) {
	return l.after(kmsapi.OpImportKeyMaterial, now, func(l *Lifecycle) {
		if l.State == kmsapi.PendingImport {
			l.State = kmsapi.Enabled
		}
		l.HasMaterial, l.MaterialExpireTime = true, expires
	})
}

// DeleteMaterial makes the key wait for an import, unless its deletion is scheduled (§4.8).
func (l Lifecycle) DeleteMaterial(now time.Time) (Lifecycle, error) {
	return l.after(kmsapi.OpDeleteKeyMaterial, now, func(l *Lifecycle) { *l = l.withoutMaterial() })
}

// after applies change to the life as it is at now, if op may run in it.
func (l Lifecycle) after(op kmsapi.Operation, now time.Time, change func(*Lifecycle)) (Lifecycle, error) {
	next, err := l.Allow(op, now)
	if err != nil {
		return l, err
	}
	change(&next)
	return next, nil
}

package keystate

import (
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Lifecycle is where a CMK is in its life. It is a value: compare with ==, and store it as it is. Dates are in UTC and in
// whole seconds, as the API shows them, and zero when they do not apply.
type Lifecycle struct {
	State  kmsapi.KeyState
	Origin kmsapi.Origin
	// HasMaterial is false for a CMK of origin EXTERNAL before the first import, and once its material has expired or been
	// deleted. A CMK in state PendingDeletion keeps it in mind for the day that the deletion is cancelled.
	HasMaterial bool
	// DeleteDate is when the CMK is gone; it is set in state PendingDeletion only.
	DeleteDate time.Time
	// MaterialExpireTime is when imported material is gone; zero means never.
	MaterialExpireTime time.Time
}

// New is the life of a new CMK: enabled, or waiting for an import if its origin is EXTERNAL (§2).
func New(origin kmsapi.Origin) Lifecycle {
	if origin == kmsapi.OriginExternal {
		return Lifecycle{State: kmsapi.PendingImport, Origin: origin}
	}
	return Lifecycle{State: kmsapi.Enabled, Origin: origin, HasMaterial: true}
}

// Settle returns what time alone has made of the CMK by now. gone means that its deletion date has come, so that it does
// not exist any more. Material that has expired is gone too: HasMaterial turns false, and whoever keeps it must erase it.
// The very second of a date counts as reached.
func (l Lifecycle) Settle(now time.Time) (settled Lifecycle, gone bool) {
	if l.State == kmsapi.PendingDeletion && !now.Before(l.DeleteDate) {
		return l, true
	}
	if l.HasMaterial && !l.MaterialExpireTime.IsZero() && !now.Before(l.MaterialExpireTime) {
		l = l.withoutMaterial()
	}
	return l, false
}

// Due is the moment at which time alone will change the CMK, and zero if it never does. Settle changes nothing before.
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

// Apply returns the life after op, of which it first checks that it may run now, or l and the error of the reference:
// one of the kmsapi.ErrRejected values, [kmsapi.ErrStateModifiedFailed], [kmsapi.ErrUnsupportedOrigin], or
// [kmsapi.ErrKeyNotFound] if the CMK is gone.
// pendingWindowInDays matters to ScheduleKeyDeletion alone, which refuses what is not 7 to 30 with
// [kmsapi.ErrInvalidParameter].
func (l Lifecycle) Apply(op kmsapi.Operation, now time.Time, pendingWindowInDays int) (Lifecycle, error) {
	settled, gone := l.Settle(now)
	if gone {
		return l, kmsapi.ErrKeyNotFound
	}
	r, known := table[op]
	if !known {
		return l, kmsapi.ErrInternalFailure.WithMessage(fmt.Sprintf("The operation %q has no place in the table of key states.", op))
	}
	if external[op] && l.Origin != kmsapi.OriginExternal {
		return l, kmsapi.ErrUnsupportedOrigin
	}
	if refusal := r.in(settled.State); refusal != nil {
		return l, refusal
	}
	if r.after == nil {
		return settled, nil
	}
	after, err := r.after(settled, now, pendingWindowInDays)
	if err != nil {
		return l, err
	}
	return after, nil
}

// Import returns the life after an import of material that expires at the given moment, or never if that is zero (§4.3). It
// first checks, as Apply does, that ImportKeyMaterial may run now. A disabled CMK stays disabled.
func (l Lifecycle) Import(now, expires time.Time) (Lifecycle, error) {
	after, err := l.Apply(kmsapi.OpImportKeyMaterial, now, 0)
	if err != nil {
		return l, err
	}
	if after.State == kmsapi.PendingImport {
		after.State = kmsapi.Enabled
	}
	after.HasMaterial, after.MaterialExpireTime = true, expires
	return after, nil
}

// deleteMaterial lets the CMK wait for an import, or leaves it to its deletion if that is scheduled (§4.8).
func deleteMaterial(l Lifecycle, _ time.Time, _ int) (Lifecycle, error) {
	return l.withoutMaterial(), nil
}

func enable(l Lifecycle, _ time.Time, _ int) (Lifecycle, error) {
	l.State = kmsapi.Enabled
	return l, nil
}

func disable(l Lifecycle, _ time.Time, _ int) (Lifecycle, error) {
	l.State = kmsapi.Disabled
	return l, nil
}

const day = 24 * time.Hour

// scheduleDeletion rounds up to a whole second, so that no CMK goes sooner than its owner was told.
func scheduleDeletion(l Lifecycle, now time.Time, days int) (Lifecycle, error) {
	if days < kmsapi.MinPendingWindowInDays || days > kmsapi.MaxPendingWindowInDays {
		return l, kmsapi.InvalidParameter("PendingWindowInDays", fmt.Sprintf(
			"It must be a whole number, %d to %d.", kmsapi.MinPendingWindowInDays, kmsapi.MaxPendingWindowInDays))
	}
	l.State = kmsapi.PendingDeletion
	l.DeleteDate = now.UTC().Add(time.Duration(days)*day + time.Second - time.Nanosecond).Truncate(time.Second)
	return l, nil
}

// cancelDeletion enables the CMK (§4.7), also if it was disabled before. One without material can't be enabled, so it
// waits for an import.
func cancelDeletion(l Lifecycle, _ time.Time, _ int) (Lifecycle, error) {
	l.State, l.DeleteDate = kmsapi.Enabled, time.Time{}
	if !l.HasMaterial {
		l.State = kmsapi.PendingImport
	}
	return l, nil
}

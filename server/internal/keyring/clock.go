package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// ClockPath is the record of the mark of the service's clock.
const ClockPath = metaPrefix + "clock"

// ClockMark returns the last stored mark of the service's clock: a time, and whether it is exact. The time is zero if
// there is none.
func (k *Keyring) ClockMark(ctx context.Context) (at time.Time, exact bool, err error) {
	err = k.store.View(ctx, func(r store.Reader) (err error) {
		at, exact, err = ReadClockMark(r)
		return err
	})
	return at, exact, err
}

// ReadClockMark is [Keyring.ClockMark] in the caller's transaction.
func ReadClockMark(r store.Reader) (at time.Time, exact bool, err error) {
	value, err := r.Get(ClockPath)
	if errors.Is(err, store.ErrNotFound) {
		return at, false, nil
	}
	if err != nil {
		return at, false, err
	}
	return parseClockMark(value)
}

// KeepClockMark stores a mark, replacing the last one.
func (k *Keyring) KeepClockMark(ctx context.Context, at time.Time, exact bool) error {
	return k.store.Update(ctx, func(w store.Writer) error { return PutClockMark(w, at, exact) })
}

// PutClockMark is [Keyring.KeepClockMark] in the caller's transaction.
func PutClockMark(w store.Writer, at time.Time, exact bool) error {
	form := roughMark
	if exact {
		form = exactMark
	}
	return w.Put(ClockPath, at.UTC().AppendFormat(nil, form))
}

// The forms of a clock mark.
const (
	roughMark = "2006-01-02T15:04:05.999999999Z"
	exactMark = roughMark + " exact"
)

func parseClockMark(value []byte) (at time.Time, exact bool, err error) {
	text, exact := strings.CutSuffix(string(value), strings.TrimPrefix(exactMark, roughMark))
	if at, err = time.Parse(roughMark, text); err != nil {
		return at, exact, fmt.Errorf("record %s: it is not a clock mark", ClockPath)
	}
	return at, exact, nil
}

// RoughenClockMark makes the mark of a restored store inexact: since the mark was written, a service may have accepted
// requests on the store that was replaced.
func RoughenClockMark(w store.Writer) error {
	at, _, err := ReadClockMark(w)
	if err != nil || at.IsZero() {
		return err
	}
	return PutClockMark(w, at, false)
}

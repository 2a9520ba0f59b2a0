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

// ClockMark returns the mark of the service's clock that was kept last: a time, and whether it is exact. It is zero if
// none was kept.
func (k *Keyring) ClockMark(ctx context.Context) (at time.Time, exact bool, err error) {
	err = k.store.View(ctx, func(r store.Reader) error {
		value, err := r.Get(ClockPath)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		at, exact, err = parseClockMark(value)
		return err
	})
	return at, exact, err
}

// KeepClockMark writes a mark down, in place of the last one.
func (k *Keyring) KeepClockMark(ctx context.Context, at time.Time, exact bool) error {
	form := roughMark
	if exact {
		form = exactMark
	}
	value := at.UTC().AppendFormat(nil, form)
	return k.store.Update(ctx, func(w store.Writer) error { return w.Put(ClockPath, value) })
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

// RoughenClockMark makes the mark of a store that was restored one that is not exact: since it was written, a service
// may have accepted requests, on the store that was replaced.
func RoughenClockMark(w store.Writer) error {
	value, err := w.Get(ClockPath)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	at, _, err := parseClockMark(value)
	if err != nil {
		return err
	}
	return w.Put(ClockPath, at.AppendFormat(nil, roughMark))
}

package keyring

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Sweep deletes the CMKs and secrets that are past their deletion date, with everything that belongs to them, and
// stores the other changes that time has made. It looks for work in a read transaction and then does each piece in a
// write transaction of its own, so requests never wait for a long one.
func (k *Keyring) Sweep(ctx context.Context, now time.Time) error {
	if err := k.sweep(ctx, duePrefix, now, Writer.settle); err != nil {
		return err
	}
	return k.sweep(ctx, secretDuePrefix, now, Writer.settleSecret)
}

// sweep settles everything that is due in the records below prefix.
func (k *Keyring) sweep(
	ctx context.Context, prefix string, now time.Time, settle func(w Writer, id string) error,
) error {
	var all []dueCMK
	err := k.store.View(ctx, func(r store.Reader) error {
		all = all[:0]
		return eachUntil(r, prefix, now, func(due dueCMK) error {
			all = append(all, due)
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, due := range all {
		if err := k.Update(ctx, due.scope, now, func(w Writer) error { return settle(w, due.keyID) }); err != nil {
			return err
		}
	}
	return nil
}

// settle stores the changes that time has made to a CMK. It reads the CMK again, since it may have changed in the
// meantime.
func (w Writer) settle(keyID string) error {
	cmk, err := w.stored(keyID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if gone := cmk.settle(w.now); gone {
		return w.deleteCMK(cmk)
	}
	return w.PutCMK(cmk)
}

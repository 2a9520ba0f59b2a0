package etcd

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

var errLastWrites = errors.New("its last writes have panicked")

// Resign implements [cluster.Term]. last may be nil. If ctx ends first, the term ends without its last writes.
func (t *Term) Resign(ctx context.Context, last func(store.Writer) error) (err error) {
	defer context.AfterFunc(ctx, func() { t.end(context.Cause(ctx)) })()
	t.store.updates.Close(fmt.Errorf("%w: %w", store.ErrReadOnly, termEnded(errResigned)))
	err = errLastWrites
	defer func() { t.end(err) }()
	err = t.resign(ctx, last)
	return err
}

func (t *Term) resign(ctx context.Context, last func(store.Writer) error) error {
	if err := errors.Join(context.Cause(ctx), t.Err()); err != nil {
		return err
	}
	tx := t.transaction()
	w := &group.Update{Writer: tx.Begin()}
	if last != nil {
		if err := last(w); err != nil {
			return err
		}
	}
	w.Keep()
	// From here on the leader key may be gone at any time.
	t.resigning.Store(true)
	t.over.Store(true)
	if err := t.chain.resign(tx.changes()); err != nil {
		return err
	}
	t.records.Store(tx.records)
	for _, run := range w.Committed {
		run()
	}
	return nil
}

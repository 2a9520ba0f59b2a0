package etcd

import (
	"context"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// Resign implements [cluster.Term]. If ctx ends before, the term ends without its last writes.
func (t *Term) Resign(ctx context.Context, last func(store.Writer) error) error {
	defer context.AfterFunc(ctx, func() { t.end(context.Cause(ctx)) })()
	t.store.updates.Close(fmt.Errorf("%w: %w", store.ErrReadOnly, termEnded(errResigned)))
	err := t.resign(last)
	t.end(err)
	return err
}

func (t *Term) resign(last func(store.Writer) error) error {
	if err := t.Err(); err != nil {
		return err
	}
	tx := t.transaction()
	w := &group.Update{Writer: tx.Begin()}
	if err := last(w); err != nil {
		return err
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

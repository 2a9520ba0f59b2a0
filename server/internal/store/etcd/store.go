package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/bolt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/group"
)

// Store is the [store.Store] of a term. Reads still work after the term, and show the records as of its end.
type Store struct {
	term    *Term
	updates *group.Group
	closed  atomic.Bool
}

var _ store.Store = (*Store)(nil)

// View implements [store.Store].
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.refusal(ctx); err != nil {
		return err
	}
	return read(s.term.records.Load(), fn)
}

func (s *Store) refusal(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Update implements [store.Store]. It runs fn once.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	return alsoEnded(s.updates.Update(ctx, fn))
}

// Replace implements [cluster.Alone].
func (s *Store) Replace(ctx context.Context, fn func(store.Writer) error) error {
	chain := s.term.chain
	err := s.Update(ctx, func(w store.Writer) error {
		if err := fn(w); err != nil {
			return err
		}
		// No commit is under way while an update runs.
		chain.renamed = newID()
		return nil
	})
	if err != nil {
		chain.renamed = ""
	}
	return err
}

// Err implements [store.Store].
func (s *Store) Err() error { return alsoEnded(s.updates.Err()) }

// alsoEnded returns err. If err wraps [store.ErrReadOnly], the result wraps [cluster.ErrTermEnded] too: here they mean
// the same.
func alsoEnded(err error) error {
	if errors.Is(err, store.ErrReadOnly) {
		return termEnded(err)
	}
	return err
}

// Backup implements [store.Store].
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	if err := s.refusal(ctx); err != nil {
		return err
	}
	return s.term.records.Load().archive(ctx, w)
}

// archive writes the records as a file that package bolt opens.
func (r *records) archive(ctx context.Context, w io.Writer) error {
	return bolt.WriteArchive(ctx, w, func(put func(key, value string) error) (err error) {
		r.Scan(func(key, value string) bool {
			err = put(key, value)
			return err == nil
		})
		return err
	})
}

var errClosed = errors.New("its store was closed")

// Close implements [store.Store]. It ends the term.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.updates.Close(store.ErrClosed)
	s.term.end(errClosed)
	<-s.term.left
	return nil
}

// begin begins the transaction of a group of updates.
func (t *Term) begin() (group.Transaction, error) {
	if cause := context.Cause(t.ctx); cause != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrReadOnly, termEnded(cause))
	}
	return t.transaction(), nil
}

func (t *Term) transaction() *transaction {
	return &transaction{
		records: t.records.Load().snapshot(), commit: t.commit, touched: map[string]struct{}{},
	}
}

// commit makes changes durable, and then publishes after, the records with them.
func (t *Term) commit(after *records, changes []change) error {
	if err := t.chain.commit(changes); err != nil {
		return err
	}
	t.records.Store(after)
	return nil
}

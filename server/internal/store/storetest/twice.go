package storetest

import (
	"context"
	"errors"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Twice returns s with an Update that runs every function twice, as an engine with optimistic transactions does after a
// conflict: the writes of the first run are undone, whatever it returned, and other updates may come between the two. A
// function that is not re-runnable then has a wrong result.
func Twice(s store.Store) store.Store { return twice{s} }

type twice struct{ store.Store }

var errFirstRun = errors.New("the first of two runs")

// Update implements [store.Store].
func (s twice) Update(ctx context.Context, fn func(store.Writer) error) error {
	err := s.Store.Update(ctx, func(w store.Writer) error {
		_ = fn(w) // Only the second run counts.
		return errFirstRun
	})
	if !errors.Is(err, errFirstRun) {
		return err
	}
	return s.Store.Update(ctx, fn)
}

package cluster

import (
	"context"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Alone is the store for a program that needs nothing else: until it is closed, no node can become the active one.
type Alone interface {
	store.Store
	// Replace is Update, after which the store counts as another one: with the writes it gets a new id, by which nodes
	// that follow it see that what they know is of no use. No other update may run meanwhile.
	Replace(ctx context.Context, fn func(store.Writer) error) error
}

// Snapshot is a copy of the store as it was at one moment. To make one takes no part in the cluster, and
// changes nothing.
type Snapshot interface {
	// View is [store.Store.View].
	View(ctx context.Context, fn func(store.Reader) error) error
	// Backup is [store.Store.Backup].
	Backup(ctx context.Context, w io.Writer) error
	// Len is the number of records.
	Len() int
	// Leader is the active node of that moment, if there was one.
	Leader() (Peer, bool)
	// Versions are those of the store's members that have answered, without repetitions.
	Versions() []string
}

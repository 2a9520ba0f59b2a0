package cluster

import (
	"context"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Alone is the store for a program that needs nothing else: until it is closed, no node can become active.
type Alone interface {
	store.Store
	// Replace is Update, after which the store counts as another store: with the writes it gets a new id, which makes
	// the nodes that follow it drop what they know. No other update may run meanwhile.
	Replace(ctx context.Context, fn func(store.Writer) error) error
}

// Snapshot is a copy of the store as it was at one moment. Making one does not join the cluster and changes nothing.
type Snapshot interface {
	// View is [store.Store.View].
	View(ctx context.Context, fn func(store.Reader) error) error
	// Backup is [store.Store.Backup].
	Backup(ctx context.Context, w io.Writer) error
	// Len returns the number of records.
	Len() int
	// Leader returns the active node of that moment, if there was one.
	Leader() (Peer, bool)
	// Versions returns the versions of the store's members that have answered, without repetitions.
	Versions() []string
}

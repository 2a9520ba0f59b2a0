package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// ErrTermEnded reports that the node is no longer the active one. Compare with [errors.Is].
var ErrTermEnded = errors.New("this node is no longer the active one")

// Peer is a node as the others know it. It is the value of the leader key.
type Peer struct {
	// Name is that of the node in certificates, audit lines and metrics.
	Name string `json:"name"`
	// Address is where it listens for its peers, as host:port.
	Address string `json:"address"`
}

// Status is what a node knows about the store, for health and metrics.
type Status struct {
	// Connected reports whether the store has answered within a lease.
	Connected bool
	// Current reports whether the node's copy of the store has seen the latest mark that it knows of.
	Current bool
	// Mark is that of the last commit in the node's copy, and Revision is the store's revision of it.
	Mark     string
	Revision int64
	// Lease is what is left of the term's lease; zero on a standby.
	Lease time.Duration
	// Bytes is the size of the whole store, shared with others as it may be, and Alarm its alarm, such as NOSPACE.
	Bytes int64
	Alarm string
}

// Node is this process among the nodes of a cluster. It follows the store from the moment it has joined. It is safe
// for parallel use.
type Node interface {
	// Lead waits until this node is the active one, has caught up, and has finished what the one before has left half
	// done. One term is held at a time. An error is that of ctx, or wraps one of the store's.
	Lead(ctx context.Context, self Peer) (Term, error)
	// Leader returns the active node, if one is known. It is the zero Peer if something else holds the leader key, such as
	// one that was written by hand: no node is the active one then, and none can be.
	Leader() (Peer, bool)
	// Follow calls fn on the node's copy of the store, which may be behind; the error wraps [store.ErrUnavailable] if
	// there is none yet.
	Follow(ctx context.Context, fn func(store.Reader) error) error
	// Status does no I/O.
	Status() Status
	// Close ends the term, if there is one, without its last writes, and then leaves the cluster.
	Close() error
}

// Term is the time in which a node is the active one.
type Term interface {
	// Store is the store of this term. Closing it ends the term.
	Store() store.Store
	// Valid reports whether the term surely goes on. It does no I/O and takes no lock.
	Valid() bool
	// Done is closed when the term has ended, in whichever way.
	Done() <-chan struct{}
	// Err returns nil until Done is closed, and then why: nil after Resign.
	Err() error
	// Resign ends the term in order: it lets the commit under way end, and then writes what last writes and gives up the
	// leader key in one transaction. Without an error nothing was written by this node after that.
	Resign(ctx context.Context, last func(store.Writer) error) error
}

package cluster

import (
	"context"
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// ErrTermEnded reports that the node is no longer the active one. Compare with [errors.Is].
var ErrTermEnded = errors.New("this node is no longer the active one")

// Peer is a node as the other nodes know it. As JSON it is the value of the leader key.
type Peer struct {
	// Name is the name of the node in certificates, audit lines and metrics.
	Name string `json:"name"`
	// Address is where the node listens for its peers, as host:port.
	Address string `json:"address"`
}

// Status is what a node knows about the store, for health and metrics.
type Status struct {
	// Connected reports whether the store has answered within a lease.
	Connected bool
	// Current reports whether the node's copy of the store includes the latest mark that the node knows of.
	Current bool
	// Mark is the mark of the last commit in the node's copy, and Revision its revision in the store.
	Mark     string
	Revision int64
	// Lease is what is left of the term's lease; zero on a standby.
	Lease time.Duration
	// Bytes is the size of the whole store, which may be shared with other programs, and Alarm its alarm, such as
	// NOSPACE.
	Bytes int64
	Alarm string
}

// Node is this process as a node of a cluster. It follows the store from the moment it has joined. It is safe for
// parallel use.
type Node interface {
	// Lead waits until this node is the active one, has caught up, and has finished what the previous one has left half
	// done. Only one term can be held at a time. The error is that of ctx, or wraps one of package store.
	Lead(ctx context.Context, self Peer) (Term, error)
	// Leader returns the active node, if one is known. It returns the zero Peer and true if something other than a node
	// holds the leader key, such as a value written by hand: then no node is active, and none can become active.
	Leader() (Peer, bool)
	// Follow calls fn on the node's copy of the store, which may be behind. The error wraps [store.ErrUnavailable] if
	// there is no copy yet.
	Follow(ctx context.Context, fn func(store.Reader) error) error
	// Status returns what the node knows, without I/O.
	Status() Status
	// Close leaves the cluster. It first ends the term, if there is one, without its last writes.
	Close() error
}

// Term is the time during which a node is the active one.
type Term interface {
	// Store is the store of this term. Closing it ends the term.
	Store() store.Store
	// Valid reports whether the term is certain to continue at this moment. It does no I/O and takes no lock.
	Valid() bool
	// Done returns a channel that is closed when the term has ended, for whatever reason.
	Done() <-chan struct{}
	// Err returns nil until Done is closed, and then why the term ended: nil after Resign.
	Err() error
	// Resign ends the term in order: it lets the commit under way end, then makes the writes of last and gives up the
	// leader key in one transaction. If it returns nil, this node has written nothing after that.
	Resign(ctx context.Context, last func(store.Writer) error) error
}

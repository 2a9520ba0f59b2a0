// Package cluster defines what the service needs in order to run on several machines as Vault does: one active node,
// whose answers alone count, and standbys that forward requests to it and take over. [Node] is a process among the
// others and [Term] the time in which it is the active one. Package store/etcd implements both; package server knows
// only this one, so that a program without a cluster does not link etcd's client.
//
// # Promises of an implementation
//
// Fencing. A term's store writes only as long as no later term has begun. Of two nodes that both believe they are
// active, at most one can write, and the other learns it from its next commit.
//
// Leases. [Term.Valid] reports false before a later term can begin, by whichever of the monotonic and the wall clock
// is further. So what an active node reads from its memory is not stale if it asks after it has received a request,
// and again before the answer leaves.
//
// Durability. What package store promises of [store.Store], with one difference: after a commit that surely did not
// happen, the store goes on, and its updates return an error that wraps [store.ErrUnavailable]. After one whose outcome
// can't be found out, the term has ended.
package cluster

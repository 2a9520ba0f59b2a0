// Package cluster defines what the service needs in order to run on several machines as Vault does: one active node,
// the only one whose answers count, and standbys that forward requests to it and can take over. [Node] is a process of
// the cluster and [Term] the time during which it is the active one. Package store/etcd implements both; package server
// knows only this package, so that a program without a cluster does not link etcd's client.
//
// # Promises of an implementation
//
// Fencing. A term's store writes only as long as no later term has begun. Of two nodes that both believe they are
// active, at most one can write, and the other finds out at its next commit.
//
// Leases. [Term.Valid] reports false before a later term can begin, by the monotonic or the wall clock, whichever shows
// more time passed. So what an active node reads from its memory is not stale if it calls Valid after it has received a
// request, and again before the answer leaves.
//
// Durability. The promises of package store for [store.Store] hold, with one difference: after a commit that certainly
// did not happen, the store still takes writes, and the updates of that commit return an error that wraps
// [store.ErrUnavailable]. After a commit whose outcome can't be found out, the term has ended.
package cluster

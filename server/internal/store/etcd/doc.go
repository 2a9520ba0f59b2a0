// Package etcd is the store of several machines, in etcd: one node at a time writes to it, and the others follow and
// take over. It implements package cluster.
//
// # Keys
//
// All keys begin with the prefix of the store:
//
//	leader            the active node as JSON, on its lease; created once a term
//	mark              the id of the last commit, or "staged ID COUNT"
//	data/KEY          a record
//	staged/ID/NUMBER  a part of an update that no single transaction holds, from 0
//	id                the id of the store, which a new store gets with its first commit
//
// An etcd with its defaults is enough: a transaction has at most 128 operations, and the largest record, with the mark,
// is far from 1.5 MiB. A part of a staged update is a list of writes in the form of change.appendTo.
//
// # Commits
//
// A commit is a transaction that requires the leader key of the term, by the revision at which it was created, and the
// mark of the commit before, by its revision, and sets the mark to a new id. So the commits of a term are a chain:
// nothing of a former term is written into it, a transaction that is repeated or late has no effect, and a foreign
// writer breaks it. One commit is under way at a time; what waits by then shares the next.
//
// If the answer is lost, the same requirements with another mark decide: either this transaction happens, and the lost
// one never will, or the mark shows that the lost one has. Without a decision within the lease the term ends. If etcd
// itself answers with an error, the transaction is no longer under way, and it is enough to look at the mark; it is
// needed too, because etcd reports NOSPACE for a transaction that it has applied, the one that fills its quota.
//
// A larger update is staged: its parts are written, each in a transaction that requires leader and mark and leaves the
// mark alone. The commit is a mark that names them. Then the records are written, in such transactions again, and the
// parts removed together with the next mark. All of that can be repeated, by the same term or the next.
//
// # Terms
//
// The node that creates the leader key begins a term. No earlier term can write after that revision, so what is to be
// known has been seen once the copy has reached it. A committed staged update is finished first, and an uncommitted one
// removed.
//
// The lease ends for the node a tenth of it before etcd can end it, counted from the sending of the last keep-alive
// that was answered, by the monotonic or the wall clock, whichever is further. The node also watches its leader key.
package etcd

// Package etcd is the store that several machines share, in etcd: one node at a time writes to it, and the others
// follow it and can take over. It implements package cluster.
//
// # Keys
//
// All keys begin with the prefix of the store:
//
//	leader            the active node as JSON, on its lease; created once a term
//	mark              the id of the last commit, or "staged ID COUNT"
//	data/KEY          a record
//	staged/ID/NUMBER  a part of an update that is too large for one transaction, from 0
//	id                the id of the store, set by its first commit
//
// The default limits of etcd are enough: a transaction has at most 128 operations, and the largest record, with the
// mark, is far below 1.5 MiB. A part of a staged update is a list of writes in the form of change.appendTo.
//
// # Commits
//
// A commit is a transaction that requires the leader key of the term, by its create revision, and the mark of the
// previous commit, by its revision, and sets the mark to a new id. So the commits of a term are a chain: an earlier
// term can't write into it, a repeated or late transaction has no effect, and a foreign writer breaks it. One commit is
// under way at a time; updates that wait meanwhile share the next.
//
// If the answer is lost, a second transaction with the same requirements and another mark decides: either it happens,
// and the lost one never will, or the mark shows that the lost one has. Without a decision within the lease the term
// ends. If etcd itself answers with an error, the transaction is no longer under way, and looking at the mark is
// enough. It is necessary too, because etcd applies the transaction that fills its quota and answers it with NOSPACE.
//
// A larger update is staged: its parts are written, each in a transaction that requires leader and mark and leaves the
// mark alone. The commit is a mark that names them. Then the records are written, in transactions of the same kind, and
// the parts are removed together with the next mark. All of this can be repeated, by the same term or the next.
//
// # Terms
//
// The node that creates the leader key begins a term. No earlier term can write after that revision, so the copy is
// complete once it has reached it. The new term first finishes a committed staged update, and removes an uncommitted
// one.
//
// For the node, the lease ends a tenth of its length before etcd can end it, counted from when the last answered
// keep-alive was sent, by the monotonic or the wall clock, whichever shows more time passed. The node also watches its
// leader key.
package etcd

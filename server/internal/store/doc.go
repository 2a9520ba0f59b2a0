// Package store keeps ordered keys and values durably, behind an interface small enough for another engine of the same
// kind to stand there too: [Store] with its [Reader] and [Writer]. [Bolt] is the engine of now: one bbolt file.
//
// # Promises
//
// [Store.Update] is atomic, and when it returns nil its writes are on the disk: they survive kill -9 and power loss.
// Updates run one after another, each sees all before it, and each runs exactly once.
//
// Updates that wait at the same time share one commit, so they also share the two fsyncs that it costs. That is not seen
// from outside: each is isolated, and if one returns an error or panics, only its own writes are undone.
//
// After a failed commit nobody knows what is on the disk, and a kernel may have dropped the pages that it could not write,
// so trying again could report success for data that are lost. The store therefore stops writing: every later update
// returns an error that wraps [ErrReadOnly] and the cause, [Bolt.Err] returns it too, and the log has it. Reads go on;
// they may or may not show the updates of the failed commit. Only a restart, which reads the file anew, ends this.
//
// # Rules for callers
//
// A function given to View or Update holds up others: it does no I/O and waits for nothing. It does not use its Reader or
// Writer after it has returned, starts no other transaction, and does not close the store.
package store

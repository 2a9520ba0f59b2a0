// Package store defines the durable ordered map that the service keeps its records in: [Store], with its [Reader] and
// [Writer], the errors of every engine, and what an engine promises. Package store/bolt is an engine in one file;
// package store/storetest tests the promises of any engine.
//
// # Promises of an engine
//
// Order. Keys are strings of bytes, and [Reader] visits them in byte order. A key has 1 to [MaxKey] bytes, a value 0 to
// [MaxValue].
//
// Atomicity. [Store.Update] applies all writes of its function or none, whatever their number. If the function returns
// an error, or panics, nothing is written.
//
// Durability. When Update returns nil, its writes survive kill -9 and power loss. Until then nobody sees them.
//
// Isolation. Updates take effect one after another: each sees all earlier ones, and applies once. A [Store.View] sees
// one state from beginning to end, which contains every update that was acknowledged before it began.
//
// Group commit. Updates that wait at the same time may share a commit and its cost. That can't be seen from outside:
// if one of them fails, only its own writes are undone.
//
// After a failed commit its outcome is unknown: the writes may be durable or lost, and a kernel may have dropped the
// pages that it could not write, so that trying again could report success for lost data. The store therefore stops
// writing. Every update of that commit and every later one returns an error that wraps [ErrReadOnly] and the cause,
// [Store.Err] returns it too, and it is logged. Reads go on; they may or may not show the updates of the failed commit.
// Only opening the store again, which reads what is durable, ends this.
//
// Cancellation. A function whose context ends before its turn is not run. Once it runs, it runs to the end, commit
// included.
//
// Backup. [Store.Backup] writes one state of the whole store as a file that store/bolt opens, whatever the engine.
//
// # Rules for callers
//
// A function given to View or Update holds up others: it does no I/O and waits for nothing. It does not use its Reader
// or Writer after it has returned, starts no other transaction, and does not close the store.
//
// A function given to Update must be re-runnable. An engine with optimistic transactions discards the writes of a run
// that met a conflict and runs the function again, on another state; package bolt happens to run each once. So the
// function sets the variables that it returns results in instead of adding to them, has no other effect outside its
// Writer, and depends on nothing that an earlier run has changed. storetest.Twice finds functions that don't comply.
package store

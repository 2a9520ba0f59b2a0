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
// Durability. When Update returns nil, its writes survive kill -9 and power loss. Until then no reader sees them.
//
// Isolation. Updates take effect one after another: each sees all earlier ones, and is applied once. A [Store.View]
// sees one state from beginning to end, and that state contains every update that was acknowledged before it began.
//
// Group commit. Updates that wait at the same time may share a commit and its cost. Callers can't tell: if one of them
// fails, only its own writes are undone.
//
// Failure. The outcome of a failed commit is unknown: the writes may be durable or lost, and a kernel may have dropped
// the pages that it could not write, so a retry could report success for lost data. The store therefore stops writing.
// Every update of that commit and every later one returns an error that wraps [ErrReadOnly] and the cause. [Store.Err]
// returns it too, and it is logged. Reads still work; they may or may not show the updates of the failed commit.
// Writing resumes only when the store is opened again, which reads what is durable.
//
// Cancellation. A function whose context ends before its turn is not run. Once it runs, it runs to the end, commit
// included.
//
// Backup. With every engine, [Store.Backup] writes one state of the whole store as a file that store/bolt opens.
//
// # Rules for callers
//
// A function passed to View or Update holds up others: it must do no I/O and wait for nothing. It must not use its
// Reader or Writer after it has returned, start another transaction, or close the store.
//
// A function passed to Update must be re-runnable. An engine with optimistic transactions discards the writes of a run
// that met a conflict and runs the function again, on another state; package bolt happens to run each once. So the
// function must set the variables that hold its results instead of adding to them, have no other effect outside its
// Writer, and depend on nothing that an earlier run has changed. storetest.Twice finds functions that don't comply.
package store

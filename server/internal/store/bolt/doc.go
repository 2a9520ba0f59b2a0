// Package bolt is the store in one bbolt file, which only one process at a time can have open.
//
// [Store] implements store.Store. Updates share commits, and so the two fsyncs that each commit costs. [Archive] reads
// the file of a store that no service has open, or a backup of a store of any engine; [Lock] keeps services from
// opening a file that is about to be replaced.
//
// Every record is in one bucket, "records".
package bolt

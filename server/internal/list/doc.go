// Package list counts the records of a store below a prefix, so that their number is known, and the n-th of them found,
// without reading those before it.
//
// A list is divided into blocks of consecutive names, and beside the records stands one entry for each block:
//
//	list/<prefix of the records><name>   the number of records greater than name, up to the name of the next entry
//
// The first entry has no name, and tells the number of all records as well. A block that grows over [maxBlock] is
// divided in two; so a list of n records has at least n/[maxBlock] entries, and about 1.5 times as many when names come
// in no order. Entries are changed in the transaction that adds or removes the record, so they are right or the whole
// is undone.
package list

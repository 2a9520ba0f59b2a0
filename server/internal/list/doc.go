// Package list counts the records of a store below a prefix, so that their number is known, and the n-th of them can be
// found, without reading those before it.
//
// A list is divided into blocks of consecutive names. For each block there is an entry besides the records:
//
//	list/<prefix of the records><name>   the number of records greater than name, up to the name of the next entry
//
// The first entry has no name, and also holds the number of all records. A block that grows beyond [maxBlock] is split
// in two, so a list of n records has at least n/[maxBlock] entries, and about 1.5 times as many when names come in
// random order. Entries are changed in the transaction that adds or removes the record, so they can't diverge from it.
package list

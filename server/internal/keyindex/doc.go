// Package keyindex answers what the filters of ListKeys ask: which keys have a class or a tag, in the order of their
// ids, and how many there are. It holds the keys of one account and region in memory, and knows no store: its owner
// loads it once and then reports every change.
//
// For each class, tag key and tag value there is a set of the keys that have it. A set knows its size, and finds its
// n-th key without a walk. So a page of the keys that are in one set, or in several that have none in common, costs the
// same however many there are. For what is in several sets at once, the smallest of them is walked.
package keyindex

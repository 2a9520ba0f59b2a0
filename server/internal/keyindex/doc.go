// Package keyindex answers the filters of ListKeys: which keys have a class or a tag, in the order of their ids, and
// how many there are. It holds the keys of one account and region in memory, and knows nothing about the store: its
// owner loads it once and then reports every change.
//
// For each class, tag key and tag value there is a set of the keys that have it. A set knows its size, and finds its
// n-th key without a walk. So the cost of a page of the keys in one set, or in several disjoint sets, does not depend
// on how many there are. To find the keys that are in several sets at once, the smallest of them is walked.
package keyindex

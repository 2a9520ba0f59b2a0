// Package contest compares two ways to do one thing, and says by how much one is better. Absolute numbers mean nothing on a
// machine that others use too, so both sides run in turn, ours and then the peers, the peers and then ours, and each round
// gives a ratio of its own. The result is the median of those ratios.
//
// A figure that misses its target is a row that says so. It is never an error: that is for what could not be measured.
package contest

// Package contest compares ways to do the same thing. Absolute numbers mean nothing on a shared machine, so the sides
// take turns, ours then the peers, the peers then ours, and each round yields a ratio. The result is the median of
// these ratios.
//
// A figure that misses its target is reported in its row. Errors are for what could not be measured.
package contest

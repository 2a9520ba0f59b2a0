// Package fair shares what takes long between accounts, so that one that asks for much delays only itself: what is made
// for callers by [Queue], and processors by [Slots], in which [Run] works.
package fair

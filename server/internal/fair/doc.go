// Package fair shares slow work between accounts, so that an account that asks for much delays only itself: [Queue]
// hands out things that are made for callers, and [Slots] hand out the processors that [Run] works on.
package fair

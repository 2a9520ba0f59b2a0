// Package keystate is the life of a CMK: which operation may run in which state, which state comes after, and what time
// alone changes. It is chapter 2 of the API reference as one table, and a pure function of state, operation and moment.
//
// Time changes a CMK without anyone calling: its deletion date comes, or its imported key material expires. Nobody has
// to write that down for it to be true, because every question to a [Lifecycle] takes the present moment into account
// first.
package keystate

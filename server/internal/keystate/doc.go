// Package keystate is the life cycle of a CMK: which operation may run in which state, which state follows, and what
// changes merely with time. It is chapter 2 of the API reference as a table, and a pure function of state, operation
// and time.
//
// Time changes a CMK without any request: its deletion date arrives, or its imported key material expires. This does
// not depend on when it is recorded, because every method of [Lifecycle] first takes the current time into account.
package keystate

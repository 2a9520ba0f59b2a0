// Package once keeps work from being done twice: a [Cache] of what was loaded from storage, [Reservations] that let one
// request at a time change a thing, [Seen], which keeps a log from repeating itself, [Recent], which remembers for a
// while, and a [Fresh] of what was asked for over a network.
//
// All are safe for concurrent use, and none holds its lock while the caller talks to storage or to a network.
package once

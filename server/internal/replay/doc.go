// Package replay is the memory of nonces: it sees to it that a signed request is accepted once.
//
// A request carries a timestamp, which the caller of this package has found to be within a window around now, and a nonce,
// which with the access key makes it one of a kind. [Memory.Remember] accepts a pair of access key and nonce once. It
// keeps it for as long as its timestamp can be within the window: until timestamp + window, which is 29 minutes if the
// timestamp lies 14 ahead. What it does not remember it refuses by timestamp, so nothing is forgotten early:
//
//   - Nonces are kept in shards, one for each minute of timestamps, and dropped a shard at a time once the whole minute is
//     out of the window. The end of the minute becomes the floor: no earlier timestamp is accepted ever again, not even
//     if the clock jumps back.
//   - The memory is bounded. When it is full, the access key that holds most gives up its oldest shard, and gets a floor of
//     its own. So an access key that floods the service shortens its own window and nobody else's.
//
// Only nonces of good signatures may come here. Otherwise a stranger could burn a nonce before its owner uses it.
//
// # Restarts
//
// A new memory is empty, and what the process before has accepted could be sent again. Two rules together prevent that,
// and refuse no request that can't have been accepted before:
//
//   - A nonce whose timestamp is not before the present moment is handed to the Durable hook, and accepted only once that
//     has returned. The caller loads it again with [Memory.Load].
//   - A timestamp before the moment of the start is refused.
//
// Whatever was accepted before the start, at a moment t, either had a timestamp before t, and so before the start, or was
// made durable. Nothing else is lost by a crash, and in the usual case nothing is written.
//
// Timestamps of KMS are whole seconds, cut off. So in the very second of the start, a client with a right clock sends a
// timestamp that is before it, and can't be told from one that was accepted a moment earlier; it is refused until the next
// second begins. A service should open its store first, whose lock proves that the process before is gone, then make its
// memory, and listen no sooner than [Memory.Floor], a second later at most. A store that has just been made has accepted
// nothing at all: Fresh says so, and then there is no floor.
//
// One thing is not covered: if the clock is set back between two processes, a request that was accepted in between may be
// accepted again.
package replay

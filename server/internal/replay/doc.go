// Package replay is the memory of nonces: it makes sure that a signed request is accepted only once.
//
// A request carries a timestamp, which the caller of this package has checked to be within a window around now, and a
// nonce, which together with the access key makes it unique. [Memory.Remember] accepts a pair of access key and nonce
// once, and keeps it for as long as the timestamp can be within the window: until timestamp + window, which is 29
// minutes from now if the timestamp is 14 minutes ahead. Nothing is forgotten early, because everything that is not
// remembered is refused by its timestamp:
//
//   - Nonces are kept in shards, one for each minute of timestamps, and a shard is dropped once the whole minute is
//     outside the window. The end of the minute becomes the floor: no earlier timestamp is ever accepted again, not
//     even if the clock jumps back.
//   - The memory is bounded. When it is full, the access key with the most nonces gives up its oldest shard, and gets a
//     floor of its own. So an access key that floods the service shortens only its own window.
//
// The caller must have verified the signature. Otherwise anyone could use a nonce up before its owner sends it.
//
// # Restarts
//
// A new memory is empty, so requests that the previous process accepted could be sent again. Two rules together prevent
// that, and refuse no request that can't have been accepted before:
//
//   - A nonce whose timestamp is not in the past is passed to the Durable hook by [Memory.Keep], and its request takes
//     effect only once the hook has returned. The next process loads it again with [Memory.Load].
//   - A timestamp before the start is refused.
//
// Every request that took effect before the start, at a time t, either had a timestamp before t, and so before the
// start, or was made durable. So a crash loses nothing that is still needed, and usually nothing needs to be written. A
// request that the caller has refused for another reason needs no Keep: if it is sent again after a restart, it takes
// effect at most once.
//
// If a nonce can't be stored, for example because the disk is full, but its timestamp is only a little ahead, Keep
// waits until the timestamp is in the past. Then the second rule covers it.
//
// What is stored is bounded like the memory: [Memory.DropGivenUp] deletes the stored nonces of a shard that was given
// up, and stores the floor of its access key instead.
//
// Timestamps of KMS are truncated to seconds. So within the second of the start, a client with a correct clock sends a
// timestamp before the start, which can't be distinguished from one accepted just before; its requests are refused
// until the next second begins. A service should first open its store, whose lock proves that the previous process has
// ended, then create its memory, and not listen before [Memory.Floor], which is at most a second later. A store that
// has just been created has accepted nothing yet: Fresh says so, and then there is no floor.
//
// # Clocks that are set back
//
// Within a process, what has been remembered does not depend on the clock, and floors never fall. Between two processes
// the start could be earlier than requests that were accepted, so a process leaves a [Mark] to the next: the latest
// time that its clock has shown. It is stored at the start, every minute and at the end, and the floor at the start is
// the later of mark and clock. If the previous process crashed, its last mark may be too low; then a clock that is
// before the mark must have been set back, and the floor is [MaxUnmarked] after the mark.
//
// Not covered is a crash after which the clock is set back to a time that is still after the last mark: a request that
// was accepted between those two times may be accepted again. Neither is a clock that jumped ahead of the last mark by
// more than MaxUnmarked before the crash. While the store takes no writes, the last mark may be old.
//
// # Processes on other machines
//
// If a process on another machine takes over, its clock may be behind that of the previous process by up to
// [Options.Skew]. So its floor is the later of the mark and its clock plus Skew. A process that has stopped accepting
// requests leaves a [Memory.LastMark], which is sufficient without Skew: then the floor is the second after it.
package replay

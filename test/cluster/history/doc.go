// Package history judges what callers of a KMS service have seen of it, whatever happened to its nodes meanwhile.
//
// Callers note every request as an [Event] in a [Recorder]: when it was sent, when its answer came, and what the answer
// said. A request without an answer, or with one that leaves its outcome open, is noted as well: it may have taken
// effect at any time from when it was sent, or never.
//
// The checkers are independent of one another, and each is shown by tests to find what it is for:
//
//   - [Linearizable]: the events of each [World], a few CMKs and their aliases, are explained by one order in which the
//     requests took effect, each between its sending and its answer.
//   - [Revoked]: once DisableKey or ScheduleKeyDeletion has been answered, no request that began afterwards succeeds
//     with the CMK, until something that enables it has begun.
//   - [Kept]: in the end everything acknowledged exists, and nothing that was not asked for.
//   - [Once]: no signed request, byte for byte the same, is accepted twice by all nodes together.
package history

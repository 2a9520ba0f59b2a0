// Package crash tests that every write acknowledged by the KMS service survives `kill -9`.
//
// A round starts the real binary, runs writers on it in parallel, kills it at a random time, starts it again on the
// same data, and inspects everything. Each writer has its own CMKs and sends one request after another, so it knows the
// exact state, except for the one request whose response never arrived: that must have taken effect completely, or not
// at all.
//
//   - Every acknowledged secret exists, with all of its values, each under its stages, and nothing of any other.
//   - Every acknowledged CMK of every kind exists, with its state, versions, metadata, aliases, tags, ciphertexts and
//     signatures, and nothing else does. Filters find it by its state and its tags.
//   - No record is incomplete: `alicloudkms check` walks the store.
//   - No request is answered twice: signed requests from before the kill are sent again.
//
// In some rounds the service is also killed while it starts. Every few rounds, the store starts empty.
//
// Another test kills a service that sweeps, while many keys are due for their rotation: each is rotated exactly once,
// whenever that happens, and however late or early the clock is when the service starts again.
//
//	go test ./test/crash -args -rounds 200 -seed 7
//
// The seed determines all random choices, but not how the kernel schedules processes.
package crash

// Package crash proves that what the KMS service has acknowledged survives `kill -9`.
//
// A round is: start the real binary, let writers work on it in parallel, kill it at a random moment, start it again on the
// same data, and look at everything. Each writer has CMKs of its own and sends one request after another, so it knows what
// must be there, but for the one request whose answer never came: that must have happened wholly, or not at all.
//
//   - Every acknowledged CMK, state, alias, tag and ciphertext is there, and nothing else is.
//   - No record is there by half: `alicloudkms check` walks the store.
//   - No request is answered twice: signed requests of before the kill are sent again.
//
// In some rounds the service is killed while it starts, too. Every so many rounds begin on an empty store.
//
//	go test ./test/crash -args -rounds 200 -seed 7
//
// The seed settles all random choices, but of course not how the kernel schedules processes.
package crash

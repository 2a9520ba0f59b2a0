// Package gate decides whether a request is admitted: it authenticates the request, counts it against the caller's rate
// limit, and hands it to package api. It serves package edge, which has read the request, and adds what it learns to
// the audit line.
//
// # What it promises
//
// A request is checked in a fixed order, and the first refusal ends it: access key, timestamp, signature, security
// token, nonce, region, operation, audit log, permission, rate limit, and storing the nonce, if that is needed. So
//   - a caller that has not proved that it has an access key's secret learns only whether the key exists and is active,
//     changes nothing in memory or in the store, and costs at most one signature;
//   - a nonce is remembered only after a valid signature, and never forgotten early: see package replay;
//   - a refused request costs no write: the nonce of a request that is ahead of the clock is stored last, and an access
//     key may have 1,000 such requests a second;
//   - the secret, the security token and the signature are compared in constant time;
//   - a request without permission does not count against the rate limit of its account;
//   - while the audit log can't be written, no operation is run.
//
// # State and locks
//
// The access keys are replaced as a whole, by [Gate.Replace], without a lock. The nonce memory and the rate limiters
// each have a lock of their own, which is not held while anything is written.
package gate

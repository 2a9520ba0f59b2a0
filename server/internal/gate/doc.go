// Package gate decides whether a request is admitted: it authenticates the request, counts it against the caller's
// rate limit, and hands it to package api. It serves package edge, which has read the request, and writes on the audit
// line what it learns.
//
// # What it promises
//
// A request is checked in a fixed order, and the first refusal ends it: access key, timestamp, signature, security
// token, nonce, region, operation, audit log, permission, rate limit, and the storing of the nonce, if it needs that.
// So
//   - a caller that has not proved to have an access key's secret learns only whether the key exists and is active,
//     changes nothing in memory or in the store, and costs at most one signature;
//   - a nonce is remembered only after a valid signature, and never forgotten early: see package replay;
//   - a request that is refused costs no write: the nonce of one that is ahead of the clock is stored last, and an
//     access key may have 1,000 of them a second;
//   - the secret, the security token and the signature are compared in constant time;
//   - a request that permission is missing for does not count against the rate limit of its account;
//   - while the audit log can't be written, no operation is run.
//
// # State and locks
//
// The access keys are replaced as a whole, by [Gate.Replace], without a lock. The nonce memory and the rate limiters
// have a lock each, of their own, and neither is held while anything is written.
package gate

// Package signature computes the canonical forms and signatures of Alibaba Cloud requests: RPC signature version 1
// (§1.4 of the API reference) and ACS3-HMAC-SHA256. Client and service share it.
//
// Every function is pure: time and nonce are inputs, and there is no I/O. Since both ends use it, a mistake here would
// cancel out between them. That is why its tests compare with published vectors, never only with the package itself.
package signature

// Package edge turns HTTP requests into parameters, and answers into JSON or XML. It serves package server, which
// listens, and hands each request to package gate. It is the only package that knows the wire format of requests and
// answers.
//
// # What it promises
//
//   - Header and body are bounded before they are read, and memory is allocated only for bytes that have arrived. From
//     a caller that is not authenticated, more than [TrustedBytes] of a body is received only when its [Connection]
//     allows it: see package connlimit.
//   - A request has at most 128 parameters, which are counted before they are decoded, and its Content-Type at most 256
//     bytes. So the memory for an unauthenticated caller is at most a few times what it sends.
//   - An answer to a request that was not authenticated ends the connection. No answer repeats more than 4 KB of what
//     was sent.
//   - Query and form body become one set of parameters, in which no name occurs twice. A body that is not a form is
//     refused, since its parameters would not be signed.
//   - Every request gets one audit line, even if it fails. If the line can't be written, the request gets an error,
//     although its changes stay. Requests that were not authenticated get lines up to a rate, and are counted above it:
//     see package audit.
//   - A caller sees only errors of package kmsapi. Any other error is logged with the request's id, and the caller gets
//     a failure without detail. A panic fails only its own request.
//   - A [Standby] forwards a request only once it has received all of it, within the same bounds.
package edge

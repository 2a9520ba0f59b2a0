// Package edge turns HTTP requests into parameters, and answers into JSON or XML. It serves package server, which
// listens, and hands each request to package gate. It is the only package that knows how a request and an answer look
// on the wire.
//
// # What it promises
//
//   - Header and body are bounded before they are read, and memory is given only for bytes that have arrived. Of the
//     body of a caller that is not authenticated, what is beyond [TrustedBytes] is received only when its [Connection]
//     says so: see package connlimit.
//   - A request has at most 128 parameters, which are counted before they are decoded, and its Content-Type at most 256
//     bytes. So an unauthenticated caller costs a few times what it sends, whatever it sends.
//   - An answer to a request that was not authenticated ends the connection. No answer repeats more than 4 KB of what
//     was sent.
//   - Query and form body become one set of parameters, in which no name occurs twice. A body that is not a form is
//     refused, since its parameters would not be signed.
//   - Every request gets one audit line, a failed one too. If it can't be written, the request gets an error, although
//     what it did stands. Requests that were not authenticated get one up to a rate, above which they are counted: see
//     package audit.
//   - A caller sees errors of package kmsapi alone. Any other is logged with the request's id, and the caller gets a
//     failure without detail. A panic is a failure of its own request.
//   - A [Standby] hands a request on only once it has received it whole, and within the same bounds.
package edge

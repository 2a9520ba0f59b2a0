// Package edge turns HTTP requests into parameters, and answers into JSON or XML. It serves package server, which
// listens, and hands each request to package gate. It is the only package that knows how a request and an answer look
// on the wire.
//
// # What it promises
//
//   - Header and body are bounded before they are read, and memory is given only for bytes that have arrived: an
//     unauthenticated caller costs no more than it sends.
//   - Query and form body become one set of parameters, in which no name occurs twice. A body that is not a form is
//     refused, since its parameters would not be signed.
//   - Every request gets one audit line, a failed one too. If it can't be written, the request gets an error, although
//     what it did stands.
//   - A caller sees errors of package kmsapi alone. Any other is logged with the request's id, and the caller gets a
//     failure without detail. A panic is a failure of its own request.
package edge

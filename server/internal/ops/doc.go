// Package ops is what the KMS service offers to its operators: a page, metrics and health over plain HTTP on loopback,
// and a backup of the store and a reload of the configuration through a private socket. It serves package server, and
// gets the state of the service as functions, so it knows none of the rooms that keep it.
//
// # What it promises
//
//   - The loopback listener only reads: GET / for a browser, GET /metrics for Prometheus and GET /healthz. What they
//     say contains no secret, and no label that a caller of the service can choose. All three show one [Status].
//   - The page has a size that does not grow with the store, is answered to IP addresses and localhost only, and loads
//     and runs nothing.
//   - The socket has mode 0600 from its first moment on, replaces only a socket that nobody listens on, and is removed
//     when the listeners are closed. POST /backup answers with a snapshot of the store; an answer that breaks off is
//     not a whole one. POST /reload answers with what has changed, or why nothing has. [FetchBackup] and
//     [RequestReload] send them, for the program's commands.
package ops

// Package ops is what the KMS service offers its operators: a page, metrics and health over plain HTTP on loopback, its
// health alone for probes from other machines, and a backup of the store and a reload of the configuration through a
// private socket. It serves package server, and gets the state of the service as functions, so it does not depend on
// the packages that keep it.
//
// # What it promises
//
//   - The loopback listener is read-only: GET / for a browser, GET /metrics for Prometheus and GET /healthz. The
//     answers contain no secret, and no label that a caller of the service can choose. All three show one [Status].
//   - The listener for probes answers GET /healthz alone. Whoever reaches it learns whether the service serves and, in
//     a cluster, whether this node is the active one. It has few connections, keeps none, and looks at the service's
//     state a few times a second at most.
//   - The size of the page does not grow with the store. It is served only under IP addresses and localhost, and loads
//     and runs nothing.
//   - The socket has mode 0600 from the moment it exists, replaces only a socket that nothing listens on, and is
//     removed when the listeners are closed. POST /backup answers with a snapshot of the store; an answer that breaks
//     off is incomplete. POST /reload answers with what has changed, or why nothing has. [FetchBackup] and
//     [RequestReload] send these requests for the program's commands.
package ops

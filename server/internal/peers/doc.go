// Package peers is the link between the nodes of a cluster: a standby forwards its requests to the active node, and
// nodes compare their clocks and settings. The package knows nothing about the store, and learns from its caller which
// node is active.
//
// # Identity
//
// Both ends of a link show a certificate, over TLS 1.3. A node is identified by the one URI alicloudkms://CLUSTER/NODE
// in the subjectAltName of its certificate, signed by a CA that serves nothing else: see [Identity]. Host names mean
// nothing. Refused connections are logged, up to a rate.
//
// # Messages
//
// A link is a TLS connection with the protocol (ALPN) "alicloudkms-peers/1". Both ends send frames: a byte for the
// kind, four for the length, and the content. The node that dialed sends one frame and waits for the answer, so a link
// carries one request at a time, and a slow request holds up no other. While a request runs, the active node says every
// half second that it is still working on it.
//
//	ping     0                      → pong 1, the elapsed time of the node
//	hello    2  JSON, see [Description]    → hello 2
//	request  3  its expiry, [Request] → answer 4, see [Answer], or refusal 5: it has not run
//	                                  working 6, any number, before either
//	                                  goodbye 7: the link closes, and an unanswered request has not run
//
// The length of a frame is bounded by its kind, and checked before memory is allocated; memory is allocated only as the
// content arrives. Every wait is bounded.
//
// # What it promises
//
//   - A forwarded request reaches the handler of the same gateway with the bytes that the client has sent: method,
//     target, host, body, each header's values in their order, and the client's address. So signatures verify.
//   - It is not forwarded again: a node hands it to the handlers of its own service, or refuses it.
//   - It is sent a second time only if it has certainly not run. [Peers.Forward] returns [ErrNotRun], [ErrUnknown] or
//     the answer.
//   - It does not begin to run once its sender has given up, whatever has delayed it.
//   - A link that is cut without notice, by a dead machine or a firewall, is noticed within two seconds.
//   - Links to a node are closed when another node is the active one.
//   - What a node says about its root key and its configuration reveals neither: without the root key, another node
//     can't even check a guess.
package peers

// Package connlimit bounds the connections of a gateway, so that strangers can't keep callers out. It serves package
// server, and knows HTTP only by the states of [http.Server]'s connections.
//
// A connection is a stranger's until a request on it has been authenticated. Strangers are the first to go.
//
// # What it promises
//
//   - A gateway has at most [Limits.Connections]. At the bound, each new connection closes another: the oldest
//     stranger's, as long as strangers have more than an eighth of all, and then the one that has been idle longest.
//     One whose request is still being received counts as idle. So a new connection waits only while all others carry
//     authenticated requests.
//   - One source address has at most [Limits.StrangersPerAddress] strangers: above that, its own oldest is closed. An
//     address is a network of 64 bits in IPv6. Loopback addresses have no such bound.
//   - A stranger may send [TrustedBytes] as it likes. To send a larger header, or a larger body, it needs one of a few
//     turns that all gateways share, at most [LargeTime] long. Authenticated callers need none.
//   - If the process has no file descriptor left, a new connection closes another too.
package connlimit

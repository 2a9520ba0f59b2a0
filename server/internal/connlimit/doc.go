// Package connlimit bounds the connections of a gateway, so that strangers can't keep callers out. It serves package
// server, and of HTTP it knows only the connection states of [http.Server].
//
// A connection is a stranger's until a request on it has been authenticated. Strangers' connections are closed first.
//
// # What it promises
//
//   - A gateway has at most [Limits.Connections]. At the bound, each new connection closes another: the oldest
//     stranger's, as long as strangers have more than an eighth of all, and otherwise the one that has been idle
//     longest. A connection whose request is still being received counts as idle. So a new connection waits only while
//     all others carry authenticated requests.
//   - A source address has at most [Limits.StrangersPerAddress] strangers: above that, its own oldest is closed. In
//     IPv6, a /64 network counts as one address. Loopback addresses have no such bound.
//   - A stranger may always send [TrustedBytes]. To send a larger header or a larger body, it needs one of a few turns
//     that all gateways share, each at most [LargeTime] long. Authenticated callers need none.
//   - If the process has no file descriptor left, a new connection also closes another.
package connlimit

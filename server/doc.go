// Package server is the KMS service: Alibaba Cloud KMS, API version 2016-01-20, on your own machine. Every real Alibaba
// Cloud SDK talks to it unchanged; it is durable and authenticated, not a mock.
//
// The package makes no compatibility promise: it is public because the commands and package kmstest of this module need
// it. Use the program `alicloudkms server`, or kmstest in tests.
//
// # How a request is answered
//
// Every request goes through these steps in this order; the first refusal ends it. The packages that do a step are in
// parentheses.
//
//  1. size: connections, header and body are bounded before they are read (connlimit, edge)
//  2. parse: query and form body become one set of parameters, in which no name occurs twice (edge)
//  3. access key: it must exist and be active (gate)
//  4. timestamp: not further than the window from the service's clock (gate)
//  5. signature: compared in constant time, and after it the security token of a temporary access key (gate)
//  6. nonce: remembered only after a valid signature, and never forgotten early (gate, replay)
//  7. permission: for the operation and the resource that the request names (api)
//  8. rate limit: of the account, region and class of operation, or of a dedicated gateway; if the timestamp is ahead
//     of the clock, also of the access key, and then the nonce is stored (gate)
//  9. operation: its parameters are decoded; the permission for a CMK that was found by an alias, a ciphertext or a
//     token is checked, then the CMK's state and the quota; then it runs (api, keyring)
//  10. audit: one line; above a rate, those of unauthenticated requests are summed up. A request whose line can't be
//     written gets an error, though its effect stays; from then on, every request is refused before it does anything,
//     until a line can be written again (edge, audit)
//  11. reply (edge)
//
// # Gateways
//
// Requests come in at the shared gateway, or at the dedicated gateway of a KMS instance, which serves the operations
// that use the keys of that instance to encrypt and decrypt. A gateway is a listener with a certificate of its own. All
// gateways lead to the same packages, and a request carries the id of the gateway at which it came in.
//
// # Nodes of a cluster
//
// A service on several machines is one process, a node, on each of them. One node at a time is the active one, for a
// term: it opens the store and everything above it, as a service on one machine does when it starts, and closes it when
// the term ends. The others are standbys: they receive requests and forward them. Listeners, audit log and metrics do
// not depend on the store and live as long as the process.
//
//   - A request runs to its end on the service on which it began. The edge checks that the term has not ended after it
//     has received a request, and again before the answer leaves. So no answer leaves once a later term may have begun.
//   - A node that takes over does not know the nonces that the previous active node kept in memory. So it refuses
//     everything until no clock of the cluster can be before its start, or, if the previous term ended in order, until
//     the second after the last accepted request. From then on it refuses earlier timestamps: see package replay.
//   - A node checks every second whether it may become the active one: whether its root key opens the store, it knows
//     the store's layout, and its clock and configuration match the others'.
//
// # Faults of a configuration
//
// The code that finds a fault, in validation or in a file that the configuration names, says where it is with a
// config.Place, which adds the line to the message. A start, a reload and [CheckConfig] read the files by the same
// function, so they find the same faults: all of them.
//
// # The packages
//
// This package is the face: configuration, start, reload and stop, and the operator's check, backup, restore and rekey.
// Everything else is in packages below it, each with one job and a manual in its package comment. A package may import
// only those to its right, and package config, which has the types of the configuration; test/house proves it:
//
//	edge → gate → api → keyring → {crypt, keystate, list, keyindex} → store
//
//	connlimit bounds on connections; those of unauthenticated callers are closed first
//	edge      HTTP ↔ parameters, formats of answers
//	gate      access: signatures, credentials, nonces, permissions, rate limits; it uses replay, the nonce memory
//	api       one row per operation, and its handler; it uses wrapping, the keys for imports
//	keyring   CMKs, versions, aliases and their indices; the storage layout; check and upgrade of a store
//	ops       metrics, health, and the socket for backup and reload; it gets the state of the service as functions
//	private   files that hold secrets, by one rule
//	audit     one line of JSON per request
//	pki       certificates for development services and for package setup
//	store     a durable ordered map
//	cluster   what a service on several machines needs from its store; package etcd registers its engine here
//	peers     the links between the nodes of a cluster
//
// Package sm adds the SM algorithms to a program that imports it. It registers them with the packages that use keys,
// and nothing else here depends on it.
package server

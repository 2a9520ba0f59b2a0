// Package server is the KMS service: Alibaba Cloud KMS, API version 2016-01-20, on your own machine. Every real Alibaba
// Cloud SDK talks to it unchanged; it is durable and authenticated, not a mock.
//
// The package makes no compatibility promise: it is public because the commands and package kmstest of this module need
// it. Use the program `alicloudkms server`, or kmstest in tests.
//
// # How a request is answered
//
// Always in this order, and the first refusal ends it. The package that does a step is in parentheses.
//
//  1. size: connections, header and body are bounded before they are read (connlimit, edge)
//  2. parse: query and form body become one set of parameters, in which no name occurs twice (edge)
//  3. access key: it must exist and be active (gate)
//  4. timestamp: not further than the window from the service's clock (gate)
//  5. signature: compared in constant time, and after it the security token of a temporary access key (gate)
//  6. nonce: remembered only after a valid signature, and never forgotten early (gate, replay)
//  7. permission: on the operation and on what the request names (api)
//  8. rate limit: of the account, region and class of operation, or of a dedicated gateway; if the timestamp is ahead
//     of the clock, also of the access key, and then the nonce is stored (gate)
//  9. operation: its parameters are decoded, the permission on a CMK that was found by an alias, a ciphertext or a
//     token is checked, then the CMK's state and the quota, and it acts (api, keyring)
//  10. audit: one line; those of requests that were not authenticated are summed up above a rate. A request whose line
//     can't be written gets an error, though what it did stands; from then on, every request is refused before it does
//     anything, until a line can be written again (edge, audit)
//  11. reply (edge)
//
// # Gateways
//
// Requests come in at the shared gateway, or at the dedicated gateway of a KMS instance, which serves what encrypts and
// decrypts with the keys of that instance. A gateway is a listener with a certificate of its own. All of them lead to
// the same rooms, to which a request says where it came in.
//
// # Nodes of a cluster
//
// A service on several machines is a process on each, a node. One of them is the active one for a term: it opens the
// store, and everything above it, as a service on one machine does at its start, and drops it when the term ends. The
// others are standbys: they receive requests, and forward them. What does not depend on the store lives as long as the
// process: listeners, audit log, metrics.
//
//   - A request runs on the service that it began on. The edge asks after it has received a request, and again before
//     the answer leaves, whether the term goes on. So an answer never leaves when a later term may have begun.
//   - A node that takes over remembers none of the nonces that the one before it kept in memory. So it refuses
//     everything until no clock of the cluster can be before its start, or after an orderly end of the term until the
//     second after the last request that was accepted; from then on it refuses earlier timestamps: see package replay.
//   - A node checks every second whether it may become the active one: whether its root key opens the store, whether it
//     knows the layout, and whether its clock and configuration are those of the others.
//
// # Faults of a configuration
//
// The code that finds one, in validation or in a file that the configuration names, says which part it is in, as a
// config.Place. That knows the line, so the message names it. A start, a reload and [CheckConfig] read the files by the
// same function, and find the same faults: all of them.
//
// # The rooms
//
// This package is the face: configuration, start, reload and stop, and the operator's check, backup, restore and rekey.
// Everything else is in packages below it, each with one job and a manual in its package comment. A package may import
// only those to its right, and package config, which has the types of the configuration; test/house proves it:
//
//	edge → gate → api → keyring → {crypt, keystate, list, keyindex} → store
//
//	connlimit connections, of which those of strangers are the first to go
//	edge      HTTP ↔ parameters, formats of answers
//	gate      who asks: signatures, credentials, nonces, permissions, rate limits; it uses replay, the nonce memory
//	api       one row an operation, and its handler; it uses wrapping, the keys for imports
//	keyring   CMKs, versions, aliases and their indices; the storage layout; check and upgrade of a store
//	ops       metrics, health, and the socket for backup and reload; it gets the state of the service as functions
//	private   files that hold secrets, by one rule
//	audit     one line of JSON a request
//	pki       the certificates that a service comes with, for development and for package setup
//	store     a durable ordered map
//	cluster   what a service on several machines needs of its store; package etcd registers the one that a program links
//	peers     the links between the nodes of a cluster
//
// Package sm adds the SM algorithms, in a program that imports it: it registers them with the rooms that have keys, and
// nothing else here knows it.
package server

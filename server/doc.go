// Package server is the KMS service: Alibaba Cloud KMS, API version 2016-01-20, on your own machine. Every real Alibaba
// Cloud SDK talks to it unchanged; it is durable and authenticated, not a mock.
//
// # How a request is answered
//
// Always in this order, and the first refusal ends it:
//
//  1. size: header and body are bounded before they are read
//  2. parse: query and form body become one set of parameters, in which no name occurs twice
//  3. access key: it must exist and be active
//  4. timestamp: not further than the window from the service's clock
//  5. signature: compared in constant time, and after it the security token of a temporary access key
//  6. nonce: remembered only after a good signature, and never forgotten early
//  7. permission: on the operation and on what the request names; see authorize.go
//  8. rate limit: of the account, region and class of operation
//  9. operation: its parameters are decoded, permission is asked for the CMK if it is found by an alias, a ciphertext or a
//     token, the key's state and the quota are checked, it acts
//  10. audit: one line. A request whose line can't be written gets an error, though what it did stands; from then on, every
//     request is refused before it does anything, until a line can be written again
//  11. reply
//
// # Where things are
//
// An operation is a row of the table in actions.go, and its handler is a method of a few lines in the file named after
// what it works on. Handlers see decoded requests and return answers or errors of package kmsapi; only edge.go knows HTTP.
// What an operator does is in operations.go (metrics, health), reload.go, check.go and backup.go.
// Storage, cryptography, the state machine, the nonce memory and the audit log are packages below this one, which know
// nothing of callers and of each other. The storage layout is described in package keyring.
package server

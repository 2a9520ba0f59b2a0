// Package api runs the operations of the KMS API, version 2016-01-20: each is a row of a table and a handler. It serves
// package gate, which has authenticated the caller, and works on the records of package keyring. It knows nothing about
// HTTP, signatures and storage paths.
//
// # How an operation is run
//
// An [Invocation] is an authenticated request. [Invocation.Authorize] checks the permission on what the request names,
// and [API.Run] decodes the parameters and calls the handler. A handler has a few lines, in the file named after what
// it works on: it gets a decoded request of package kmsapi and returns an answer or an error of that package. Any other
// error is an internal failure, whose message callers must not see.
//
// A dry run is run like any other request; its response is dropped, and [DryRunError] gives the answer.
//
// A handler finds its CMK, checks the permission on it, checks its state and the quota, and acts, all in one
// transaction if it writes. See authorize.go for the two checks of permission.
package api

// Package api runs the operations of the KMS API, version 2016-01-20: one row of a table and one handler each. It
// serves package gate, which has authenticated the caller, and works on the records of package keyring. It knows no
// HTTP, no signature and no storage path.
//
// # How an operation is run
//
// An [Invocation] is an authenticated request. [Invocation.Authorize] checks the permission on what the request names,
// and [API.Run] decodes the parameters and calls the handler. A handler has a few lines, in the file named after what
// it works on: it sees a decoded request of package kmsapi and returns an answer or an error of that package. Any other
// error is an internal failure, whose text no caller must see.
//
// A dry run is run like any other request; what it returns is dropped, and [DryRunError] answers it.
//
// A handler finds its CMK, checks the permission on it, checks its state and the quota, and acts, all in one
// transaction if it writes. See authorize.go for the two checks of permission.
package api

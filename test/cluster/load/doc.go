// Package load calls a KMS service of several nodes as its users do, and notes every request in a history.
//
// Teams of callers share a [history.World] for a while: they create its CMKs, change and use them through all nodes at
// the same time, and then begin another, so that each history stays short enough to be judged. A team that revokes lets
// one caller disable the CMK and enable it again while all others use it.
//
// A postman signs requests, sends each to all nodes at once, byte for byte the same, and again later.
//
// [Load.Settle] then reads everything, once the service is whole again.
package load

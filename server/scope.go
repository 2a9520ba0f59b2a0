package server

// Scope is an account in a region. Every record belongs to one, so nothing of one can be reached from another.
type Scope struct{ Account, Region string }

// path is the part of a record's path that is its scope.
func (s Scope) path() string { return s.Account + "/" + s.Region + "/" }

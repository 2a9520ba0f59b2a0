// Package servertest fills the store of a KMS service for tests and benchmarks of one that has many keys. Programs have
// no use for it.
package servertest

// Package servertest fills the store of a KMS service, for tests and benchmarks with many keys.
package servertest

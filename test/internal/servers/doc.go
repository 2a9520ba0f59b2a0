// Package servers starts the servers that tests and benchmarks need, each as a process on a port of 127.0.0.1 that the
// kernel picks: the KMS service here, and Vault in package vault below, the only one that needs Vault's client.
//
// A process is signalled by its own id, never found by name. A stopped server must exit cleanly: any other end is an
// error that carries the last lines of the log.
package servers

// Package cluster tests the KMS service on several machines: three nodes, three members of etcd, and everything that
// can happen to them.
package cluster

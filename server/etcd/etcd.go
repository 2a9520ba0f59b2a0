// Package etcd gives the KMS service its store on etcd, by which it runs on several machines. A program links it with a
// blank import; the service then has it with the blocks etcd and cluster in its configuration.
//
// Every other package of the service works without it, so that a program that runs on one machine does not link etcd's
// client.
package etcd

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

func init() { cluster.Register(etcd.Engine()) }

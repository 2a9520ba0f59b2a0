// Package etcd lets the KMS service keep its store in etcd, and so run on several machines. A program links it with a
// blank import; the service then uses it if its configuration has the blocks etcd and cluster.
//
// Every other package of the service works without it, so a program that runs on one machine does not link etcd's
// client.
package etcd

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

func init() { cluster.Register(etcd.Engine()) }

// Package etcd lets the KMS service run on several machines, with its data in etcd. A program links it with a blank
// import; its configuration then may have the blocks etcd and cluster in place of storage.
//
// Every other package of the service works without it, so that a program for one machine does not link etcd's client.
package etcd

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

func init() { cluster.Register(etcd.Engine()) }

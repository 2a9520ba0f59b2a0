package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// setInstance changes the KMS instance kst-dev, without a restart.
func (w *wire) setInstance(change func(*server.Instance)) {
	w.t.Helper()
	require.NoError(w.t, w.kms.Reload(func(c *server.Config) { change(&c.Instances[0]) }))
}

// defaultPolicy is the key policy that every CMK in a KMS instance has, as the real service writes it.
func defaultPolicy(account string) string {
	return `{"Version":"1","Statement":[{"Sid":"kms default key policy","Effect":"Allow",` +
		`"Principal":{"RAM":["acs:ram::` + account + `:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
}

// at is w for the dedicated gateway of a KMS instance.
func (w *wire) at(i kmstest.Instance) *wire {
	other := *w
	other.endpoint, other.http = i.Endpoint, trusting(w.t, i.CACert)
	return &other
}

var _ = testing.Short

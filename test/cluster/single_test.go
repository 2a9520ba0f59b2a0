package cluster

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/load"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// What the callers see of a single service, reached by three addresses, is what the checkers expect of a cluster.
func TestTheCheckersAgreeWithASingleService(t *testing.T) {
	t.Parallel()
	kms := &servers.KMS{Program: build(t), Dir: filepath.Join(t.TempDir(), "kms")}
	require.NoError(t, kms.StartConfigured(noLimits))
	t.Cleanup(kms.Kill)
	site := &load.Site{
		Addresses: []string{kms.Address, kms.Address, kms.Address}, CA: kms.CA, Credentials: kms.Credentials(),
	}
	require.NoError(t, site.Connect())
	t.Cleanup(site.Close)
	r := history.NewRecorder()
	l := load.New(site, r, rand.New(rand.NewPCG(1, 1)))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	l.Run(ctx)
	judge(t, l, r)
}

// noLimits are settings that let callers send as much as they like.
const noLimits = `
quotas {
  keys         = -1
  aliases      = -1
  key_versions = -1
}
rate_limits {
  crypto     = -1
  create_key = -1
  write      = -1
  read       = -1
}
`

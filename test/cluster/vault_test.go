package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// sealed is the configuration of a Vault that a CMK unseals.
const sealed = `
storage "raft" {
  path    = %q
  node_id = "single"
}
listener "tcp" {
  address     = %q
  tls_disable = true
}
seal "alicloudkms" {
  region     = %q
  domain     = %q
  access_key = %q
  secret_key = %q
  kms_key_id = "alias/unseal"
}
api_addr      = "http://127.0.0.1:1"
cluster_addr  = "https://127.0.0.1:1"
disable_mlock = true
`

const (
	// vaultsLease is longer than the shortest: what else the machine does must not end a term while a Vault is made.
	vaultsLease = 3 * time.Second
	// unsealing is how long a Vault may need to be unsealed again, with the restarts that a service manager does.
	unsealing = 30 * time.Second
	// restartAfter is the pause before one.
	restartAfter = 300 * time.Millisecond
)

// A Vault that restarts while any one of the six processes is down unseals itself.
func TestVaultUnsealsThroughEachLoss(t *testing.T) {
	t.Parallel()
	if vaultProgram == "" {
		require.Empty(t, os.Getenv("ALICLOUDKMS_REQUIRE_VAULT"), "VAULT_BIN is not set")
		t.Skip("VAULT_BIN is not set")
	}
	certificates := etcdtest.NewCertificates(t)
	r := newRig(t, settings{
		lease: vaultsLease, etcd: etcdtest.Options{NoSync: true, TLS: certificates.Dir}, certificates: certificates,
	})
	v := startSealed(t, r, vaultProgram, newBalancer(r).address())
	for i := range size {
		// The active one of the moment, so that each is lost while it matters.
		n := r.awaitActive(recovery)
		v.outlives(t, fmt.Sprintf("the loss %d of an active node", i+1), r.kill(n))
	}
	for i := range size {
		v.outlives(t, fmt.Sprintf("the loss of member %d", i+1), r.killMember(i))
	}
}

// sealedVault is a Vault whose seal is the service.
type sealedVault struct {
	*vault.Server
	rig *rig
}

// startSealed starts a new Vault, which reaches the service at an address.
func startSealed(t *testing.T, r *rig, program, address string) *sealedVault {
	t.Helper()
	c := r.site.Client(0)
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	_, err = c.CreateAlias(t.Context(), &kmsapi.CreateAliasRequest{
		AliasName: "alias/unseal", KeyId: made.KeyMetadata.KeyId,
	})
	require.NoError(t, err)
	dir := t.TempDir()
	v := &sealedVault{rig: r, Server: &vault.Server{
		Program: program, Dir: filepath.Join(dir, "vault"), Home: filepath.Join(dir, "home"), Address: servers.AnyPort,
		Environment: []string{"SSL_CERT_FILE=" + r.nodes[0].shared.CAFile},
	}}
	v.Config = func() string {
		as := r.site.Credentials
		return fmt.Sprintf(sealed, v.Storage(), v.Address, kmsapi.DefaultRegion, address, as.AccessKeyID,
			as.AccessKeySecret.Reveal())
	}
	require.NoError(t, v.MakeFolders())
	require.NoError(t, v.Start(t.Context()))
	t.Cleanup(func() { v.Kill() })
	_, err = v.Initialize(t.Context(), &api.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1})
	require.NoError(t, err)
	require.Empty(t, v.UnsealKey, "the service alone can unseal it")
	return v
}

// outlives restarts the Vault while something is lost, and brings that back.
func (v *sealedVault) outlives(t *testing.T, name string, lost fault) {
	t.Helper()
	began := time.Now()
	v.Kill()
	starts := 0
	for ; !v.IsActive(); starts++ {
		require.Less(t, time.Since(began), unsealing, "%s: Vault is still sealed\n%s", name, v.Tail())
		v.Kill()
		require.NoError(t, v.Launch())
		// A Vault whose seal does not answer ends, and its service manager starts it again.
		if v.Await(v.IsActive) != nil {
			time.Sleep(restartAfter)
		}
	}
	t.Logf("%s, %s: Vault is unsealed after %s and %d starts", name, lost.name,
		time.Since(began).Round(time.Millisecond), starts)
	for _, back := range []func() error{lost.heal, lost.start} {
		if back != nil {
			require.NoError(t, back())
			v.rig.awaitMembers()
		}
	}
	v.rig.awaitActive(recovery)
}

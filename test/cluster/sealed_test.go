package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

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
  %s
}
api_addr         = "http://127.0.0.1:1"
cluster_addr     = "https://127.0.0.1:1"
plugin_directory = %q
disable_mlock    = true
%s
`

// restartAfter is the pause before a service manager starts a Vault again.
const restartAfter = 300 * time.Millisecond

// sealedVault is a Vault or OpenBao whose seal is the service.
type sealedVault struct {
	*vault.Server
	rig *rig
}

// soon repeats something until it succeeds. On a busy machine, nodes may take over from each other although nothing has
// been lost yet.
func (r *rig) soon(do func() error) {
	r.t.Helper()
	err := do()
	for end := time.Now().Add(recovery); err != nil && time.Now().Before(end); err = do() {
		time.Sleep(restartAfter)
	}
	require.NoError(r.t, err)
}

// newLock makes the CMK of the seals.
func (r *rig) newLock() {
	r.t.Helper()
	c := r.site.Client(0)
	r.soon(func() error {
		made, err := c.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{})
		if err != nil {
			return err
		}
		_, err = c.CreateAlias(r.t.Context(), &kmsapi.CreateAliasRequest{
			AliasName: "alias/unseal", KeyId: made.KeyMetadata.KeyId,
		})
		if errors.Is(err, kmsapi.ErrAliasAlreadyExists) { // The answer of the one before was lost.
			return nil
		}
		return err
	})
}

// startVault starts a new Vault, whose built-in seal reaches the service at an address.
func (r *rig) startVault(name, address string) *sealedVault {
	r.t.Helper()
	v := r.newSealed(name, vaultProgram)
	v.Environment = []string{"SSL_CERT_FILE=" + r.nodes[0].shared.CAFile}
	v.Config = func() string { return v.config(address, "", "") }
	v.setUp()
	return v
}

// startBao starts a new OpenBao, whose seal is our plugin.
func (r *rig) startBao(name, address string) *sealedVault {
	r.t.Helper()
	v := r.newSealed(name, baoProgram)
	sum, err := vault.SHA256(build(r.t, sealPlugin))
	require.NoError(r.t, err)
	ca := fmt.Sprintf("ca_cert = %q", r.nodes[0].shared.CAFile)
	plugin := fmt.Sprintf("plugin \"kms\" \"alicloudkms\" {\n  command   = %q\n  sha256sum = %q\n}", sealPlugin, sum)
	v.Config = func() string { return v.config(address, ca, plugin) }
	v.setUp()
	return v
}

// newSealed returns a server that is not started. The paths of its plugins' sockets are short.
func (r *rig) newSealed(name, program string) *sealedVault {
	dir := filepath.Join(r.dir, name)
	return &sealedVault{rig: r, Server: &vault.Server{
		Program: program, Dir: dir, Home: filepath.Join(dir, "home"), Address: servers.AnyPort, OwnGroup: true,
	}}
}

func (v *sealedVault) config(address, seal, plugins string) string {
	as := v.rig.site.Credentials
	return fmt.Sprintf(sealed, v.Storage(), v.Address, kmsapi.DefaultRegion, address, as.AccessKeyID,
		as.AccessKeySecret.Reveal(), seal, programs, plugins)
}

// setUp starts and initializes the server.
func (v *sealedVault) setUp() {
	t := v.rig.t
	t.Helper()
	t.Cleanup(v.kill)
	v.rig.soon(func() error {
		v.kill()
		v.Client, v.Address = nil, servers.AnyPort
		if err := errors.Join(os.RemoveAll(v.Dir), v.MakeFolders(), v.Start(t.Context())); err != nil {
			return err
		}
		_, err := v.Initialize(t.Context(), &api.InitRequest{RecoveryShares: 1, RecoveryThreshold: 1})
		return err
	})
	require.Empty(t, v.UnsealKey, "the service alone can unseal it")
}

// kill ends the current process, if there is one.
func (v *sealedVault) kill() {
	if v.Process != nil {
		v.Kill()
	}
}

// restart kills the server, and starts it again and again until it is unsealed, as a service manager does.
func (v *sealedVault) restart(_ context.Context, limit time.Duration) (took time.Duration, err error) {
	began := time.Now()
	v.Kill()
	for !v.IsActive() {
		if time.Since(began) > limit {
			return 0, fmt.Errorf("it is still sealed: %s", v.Tail())
		}
		v.Kill()
		if err := v.Launch(); err != nil {
			return 0, err
		}
		// A server whose seal does not answer ends.
		if v.Await(func() bool { return v.IsActive() || time.Since(began) > limit }) != nil {
			time.Sleep(restartAfter)
		}
	}
	return time.Since(began), nil
}

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sealing is a server that unseals through a key of the engine on the stage's server.
type sealing struct {
	*vaultServer
	// at is the mount on the stage's server, and policy the name of the policy of the seal's token there.
	at     *mount
	policy string
}

// allow changes what the seal's token may do with the key. It takes effect at once.
func (s *sealing) allow(t *testing.T, operations ...string) {
	t.Helper()
	rules := "# of a seal\n"
	for _, operation := range operations {
		rules += fmt.Sprintf("path \"%s/%s/unseal\" { capabilities = [\"update\"] }\n", s.at.path, operation)
	}
	require.NoError(t, s.at.client.Sys().PutPolicy(s.policy, rules))
}

// token creates a token as a seal needs it: renewable forever, and without a parent that could be revoked.
func (s *sealing) token(t *testing.T) string {
	t.Helper()
	made, err := s.at.client.Auth().Token().Create(
		&api.TokenCreateRequest{Policies: []string{s.policy}, NoParent: true, Period: "1h"})
	require.NoError(t, err)
	shared.secrets.add(made.Auth.ClientToken)
	return made.Auth.ClientToken
}

func (s *stage) startSealing(t *testing.T) *sealing {
	t.Helper()
	m := s.mount(t)
	m.write("keys/unseal", nil)
	return s.startSealingWith(t, m)
}

// startSealingWith starts a server that is unsealed through the key "unseal" of m.
func (s *stage) startSealingWith(t *testing.T, m *mount) *sealing {
	t.Helper()
	sealed := &sealing{at: m}
	sealed.policy = sealed.at.path + "-seal"
	sealed.allow(t, "encrypt", "decrypt")
	seal := fmt.Sprintf(`
seal "transit" {
  address = "http://%s"
  token = %q
  mount_path = "%s/"
  key_name = "unseal"
}`, s.vault.Address, sealed.token(t), sealed.at.path)
	var err error
	sealed.vaultServer, err = startVault(shared, s.vault.platform, s.vault.platform.name+"-sealing-", settings{seal: seal})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sealed.Stop()) })
	return sealed
}

// says requires that the log soon contains text after offset from, and that the server is sealed then.
func (v *vaultServer) says(t *testing.T, from int64, text string) {
	t.Helper()
	require.NoError(t, v.Await(func() bool { return v.printed(from, text) }))
	status, err := v.Client.Sys().SealStatus()
	require.NoError(t, err)
	require.True(t, status.Sealed)
}

// printed reports whether the log contains text after offset from.
func (v *vaultServer) printed(from int64, text string) bool {
	all, err := os.ReadFile(v.Log())
	return err == nil && bytes.Contains(all[from:], []byte(text))
}

// logged returns the current length of the log.
func (v *vaultServer) logged(t *testing.T) int64 {
	t.Helper()
	info, err := os.Stat(v.Log())
	require.NoError(t, err)
	return info.Size()
}

func TestServerUnsealsItselfThroughTheEngine(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		sealed := s.startSealing(t)
		require.Empty(t, sealed.UnsealKey, "only the engine can unseal it")
		status, err := sealed.Client.Sys().SealStatus()
		require.NoError(t, err)
		require.Equal(t, "transit", status.Type)
		const policy = "# kept over restarts"
		require.NoError(t, sealed.Client.Sys().PutPolicy("proof", policy))

		t.Run("it stays sealed, says why, and unseals itself when the cause is fixed", sealed.unsealsWhenItMay)
		t.Run("it does not start with a disabled key", sealed.doesNotStartWithADisabledKey)
		kept, err := sealed.Client.Sys().GetPolicy("proof")
		require.NoError(t, err)
		require.Equal(t, policy, kept)
	})
}

// unsealsWhenItMay starts the server once, and fixes one cause after the other.
func (s *sealing) unsealsWhenItMay(t *testing.T) {
	s.allow(t, "encrypt")
	from := s.logged(t)
	require.NoError(t, s.restart())
	s.says(t, from, "permission denied")

	from = s.logged(t)
	s.at.write("keys/unseal/disable", nil)
	s.allow(t, "encrypt", "decrypt")
	s.says(t, from, "Rejected.Disabled")
	require.True(t, s.printed(from, s.at.path+"/keys/unseal/enable"), "it must say what to do")

	s.at.write("keys/unseal/enable", nil)
	require.NoError(t, s.Await(s.IsActive))
}

// doesNotStartWithADisabledKey: a server tries its seal when it starts, and exits if that fails, so that its service
// manager restarts it.
func (s *sealing) doesNotStartWithADisabledKey(t *testing.T) {
	require.NoError(t, s.Stop())
	s.at.write("keys/unseal/disable", nil)
	from := s.logged(t)
	require.NoError(t, s.launch())
	// It may already have exited, which is an error to Await.
	_ = s.Await(func() bool { return s.printed(from, "Rejected.Disabled") })
	require.True(t, s.printed(from, "Rejected.Disabled"), s.Tail())
	require.False(t, s.IsActive())
	s.Kill()

	s.at.write("keys/unseal/enable", nil)
	require.NoError(t, s.start())
	require.NoError(t, s.Await(s.IsActive))
}

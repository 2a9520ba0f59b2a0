package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// call is one request that a policy may allow.
type call struct {
	name string
	do   func(m *mount) error
}

func writing(name, path string, data map[string]any) call {
	return call{name, func(m *mount) error { _, err := m.try(path, data); return err }}
}

// calls are made in this order by each role, so those of the admin leave the key as they found it.
func calls(config map[string]any, plaintext, ciphertext string) []call {
	return []call{
		writing("write config", "config", config),
		{"read config", func(m *mount) error { _, err := m.client.Logical().Read(m.path + "/config"); return err }},
		{"list keys", func(m *mount) error { _, err := m.client.Logical().List(m.path + "/keys"); return err }},
		{"read a key", func(m *mount) error { _, err := m.client.Logical().Read(m.path + "/keys/a"); return err }},
		writing("create a key", "keys/b", nil),
		writing("encrypt", "encrypt/a", map[string]any{"plaintext": plaintext}),
		writing("encrypt with another key", "encrypt/other", map[string]any{"plaintext": plaintext}),
		writing("decrypt", "decrypt/a", map[string]any{"ciphertext": ciphertext}),
		writing("make a data key", "datakey/plaintext/a", nil),
		writing("make a wrapped data key", "datakey/wrapped/a", nil),
		writing("disable", "keys/a/disable", nil),
		writing("enable", "keys/a/enable", nil),
		writing("allow deletion", "keys/a/config", map[string]any{"deletion_allowed": true}),
		{"delete", func(m *mount) error { _, err := m.client.Logical().Delete(m.path + "/keys/a"); return err }},
		writing("cancel deletion", "keys/a/cancel_deletion", nil),
	}
}

// roles are policies as docs/policies.md gives them; %[1]s stands for the path of the mount.
var roles = []struct {
	name, policy string
	may          []string
}{
	{"may encrypt", `path "%[1]s/encrypt/a" { capabilities = ["update"] }`, []string{"encrypt"}},
	{"may decrypt", `path "%[1]s/decrypt/a" { capabilities = ["update"] }`, []string{"decrypt"}},
	{"may make wrapped data keys", `path "%[1]s/datakey/wrapped/a" { capabilities = ["update"] }`, []string{"make a wrapped data key"}},
	{
		"may look", `path "%[1]s/keys" { capabilities = ["list"] }
			path "%[1]s/keys/+" { capabilities = ["read"] }`, []string{"list keys", "read a key"},
	},
	{
		"may manage keys and not use them", `path "%[1]s/keys" { capabilities = ["list"] }
			path "%[1]s/keys/*" { capabilities = ["create", "update", "read", "delete"] }`,
		[]string{"list keys", "read a key", "create a key", "disable", "enable", "allow deletion", "delete", "cancel deletion"},
	},
	{"may do nothing", ``, nil},
}

func TestPoliciesAllowExactlyWhatTheySay(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		m.write("keys/other", nil)
		plaintext := newPlaintext()
		all := calls(s.kms.config(), plaintext, m.encrypt("a", plaintext))
		for _, role := range roles {
			t.Run(role.name, func(t *testing.T) {
				team := m.as(s.vault.token(t, m.path, role.policy))
				for _, c := range all {
					if err := c.do(team); slices.Contains(role.may, c.name) {
						require.NoError(t, err, c.name)
					} else {
						require.Error(t, err, c.name)
						m.refused(err, http.StatusForbidden)
					}
				}
			})
		}
		t.Run("admin may do all of it", func(t *testing.T) {
			admin := m.as(s.vault.token(t, m.path, `path "%[1]s/*" { capabilities = ["create", "update", "read", "delete", "list"] }`))
			for _, c := range all {
				require.NoError(t, c.do(admin), c.name)
			}
		})
	})
}

// token makes a policy for the mount at path, and a token that has it and nothing else.
func (v *vaultServer) token(t *testing.T, path, policy string) string {
	t.Helper()
	name := path + "-test"
	if policy != "" {
		policy = fmt.Sprintf(policy, path)
	}
	require.NoError(t, v.client.Sys().PutPolicy(name, policy+"\n# for a test"))
	made, err := v.client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}, NoParent: true})
	require.NoError(t, err)
	return made.Auth.ClientToken
}

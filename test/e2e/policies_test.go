package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
)

// roles are policies as in docs/policies.md; %[1]s is the path of the mount.
var roles = []struct {
	name, policy string
	may          []string
}{
	{
		"may encrypt", `path "%[1]s/encrypt/a" { capabilities = ["update"] }`,
		[]string{"encrypt", "encrypt a batch"},
	},
	{
		"may decrypt", `path "%[1]s/decrypt/a" { capabilities = ["update"] }`,
		[]string{"decrypt", "decrypt a batch"},
	},
	{
		"may make wrapped data keys", `path "%[1]s/datakey/wrapped/a" { capabilities = ["update"] }`,
		[]string{"make a wrapped data key"},
	},
	{
		"may rewrap", `path "%[1]s/rewrap/a" { capabilities = ["update"] }`,
		[]string{"rewrap", "rewrap a batch"},
	},
	{
		"may sign", `path "%[1]s/sign/pair" { capabilities = ["update"] }
			path "%[1]s/sign/pair/sha2-256" { capabilities = ["update"] }`,
		[]string{"sign", "sign a batch", "sign with the hash in the path"},
	},
	{
		"may verify", `path "%[1]s/verify/pair" { capabilities = ["update"] }
			path "%[1]s/export/public-key/pair/*" { capabilities = ["read"] }`,
		[]string{"verify", "verify a batch", "read the newest public key"},
	},
	{
		"may make HMACs", `path "%[1]s/hmac/data" { capabilities = ["update"] }`,
		[]string{"make an HMAC", "make HMACs of a batch"},
	},
	{
		"may check HMACs", `path "%[1]s/verify/data" { capabilities = ["update"] }`,
		[]string{"verify an HMAC", "verify HMACs of a batch"},
	},
	{
		"may ask for 48 random bytes of the platform", `path "%[1]s/random/platform/48" { capabilities = ["update"] }`,
		[]string{"ask for 48 random bytes of a source"},
	},
	{
		"may hash", `path "%[1]s/hash" { capabilities = ["update"] }
			path "%[1]s/hash/+" { capabilities = ["update"] }`,
		[]string{"hash", "hash with a function in the path"},
	},
	{
		"may manage keys and not use them", `path "%[1]s/keys" { capabilities = ["list"] }
			path "%[1]s/keys/*" { capabilities = ["update", "patch", "read", "delete"] }`,
		[]string{
			"list keys", "make a key", "read a key", "read a key's config", "write a key's config", "patch a key's config",
			"disable", "enable", "delete a key", "cancel deletion", "register", "deregister",
			"rotate", "rotate to a new KMS key", "rotate to a KMS key", "import a version", "trim",
			"write tags", "patch tags", "read tags", "delete tags", "get import parameters", "import", "delete material",
		},
	},
	{
		"may rotate, and not to another KMS key", `path "%[1]s/keys/+/rotate" {
				capabilities = ["update"]
				denied_parameters = { "new_cmk" = [] "key_id" = [] }
			}`,
		[]string{"rotate"},
	},
	{
		"may make and stop keys", `path "%[1]s/keys" { capabilities = ["list"] }
			path "%[1]s/keys/+" { capabilities = ["update", "read"] }
			path "%[1]s/keys/+/enable" { capabilities = ["update"] }
			path "%[1]s/keys/+/disable" { capabilities = ["update"] }`,
		[]string{"list keys", "make a key", "read a key", "disable", "enable"},
	},
	{
		"may look", `path "%[1]s/config" { capabilities = ["read"] }
			path "%[1]s/keys" { capabilities = ["list"] }
			path "%[1]s/keys/+" { capabilities = ["read"] }
			path "%[1]s/keys/+/config" { capabilities = ["read"] }
			path "%[1]s/keys/+/tags" { capabilities = ["read"] }
			path "%[1]s/aliases" { capabilities = ["list"] }
			path "%[1]s/aliases/*" { capabilities = ["read"] }
			path "%[1]s/cache-config" { capabilities = ["read"] }
			path "%[1]s/config/keys" { capabilities = ["read"] }
			path "%[1]s/cmks" { capabilities = ["list"] }
			path "%[1]s/regions" { capabilities = ["read"] }
			path "%[1]s/health" { capabilities = ["read"] }`,
		[]string{
			"read config", "read regions", "read health", "list KMS keys", "list keys", "read a key", "read a key's config",
			"read tags", "read the cache's size", "read whether encrypt makes keys",
			"list aliases", "read an alias",
		},
	},
	{"may do nothing", ``, nil},
}

func TestPoliciesAllowExactlyWhatTheySay(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		all := s.fixture(m).calls()
		t.Run("every operation of every path has a call", func(t *testing.T) { areAllOf(t, m, all) })
		for _, role := range roles {
			t.Run(role.name, func(t *testing.T) {
				m.as(s.vault.token(t, m.path, role.policy)).mayOnly(role.may, all)
			})
		}
		t.Run("admin may make all calls", func(t *testing.T) {
			const everything = `path "%[1]s/*" { capabilities = ["create", "update", "patch", "read", "delete", "list"] }`
			admin := m.as(s.vault.token(t, m.path, everything))
			for _, c := range all {
				require.NoError(t, c.do(admin), c.name)
			}
		})
	})
}

// areAllOf requires a call for each operation that the mount lists in OpenAPI.
func areAllOf(t *testing.T, m *mount, all []call) {
	t.Helper()
	help, err := m.client.Help(m.path)
	require.NoError(t, err)
	paths, _ := help.OpenAPI["paths"].(map[string]any)
	require.NotEmpty(t, paths)
	parameter := regexp.MustCompile(`\{[a-z_]+\}`)
	delete(paths, "/config/rotate-root") // It needs RAM: TestRotationNeedsItsOwnPathAlone.
	for path, item := range paths {
		pattern := regexp.MustCompile("^" + parameter.ReplaceAllString(strings.Trim(path, "/"), "[^/]+") + "$")
		for method := range item.(map[string]any) {
			if method == "get" && strings.HasSuffix(path, "/") {
				method = "list"
			}
			if _, ok := methods[method]; !ok {
				continue // It is not an operation but a description of the path.
			}
			covers := func(c call) bool { return c.method == method && pattern.MatchString(c.path) }
			require.True(t, slices.ContainsFunc(all, covers), "%s %s has no call", method, path)
		}
	}
}

// mayOnly makes all calls: those named in may must succeed, and all others must be forbidden.
func (m *mount) mayOnly(may []string, all []call) {
	m.t.Helper()
	known := map[string]bool{}
	for _, c := range all {
		known[c.name] = true
		err := c.do(m)
		if slices.Contains(may, c.name) {
			require.NoError(m.t, err, c.name)
			continue
		}
		require.Error(m.t, err, c.name)
		m.refused(err, http.StatusForbidden)
	}
	for _, name := range may {
		require.True(m.t, known[name], "%q is not a call", name)
	}
}

// token creates a policy for the mount at path, and a token with only this policy.
func (v *vaultServer) token(t *testing.T, path, policy string) string {
	t.Helper()
	name := path + "-test"
	if policy != "" {
		policy = fmt.Sprintf(policy, path)
	}
	require.NoError(t, v.Client.Sys().PutPolicy(name, policy+"\n# for a test"))
	made, err := v.Client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{name}, NoParent: true})
	require.NoError(t, err)
	return made.Auth.ClientToken
}

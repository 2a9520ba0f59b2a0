package server_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// digestible returns a configuration with existing files.
func digestible(t *testing.T) server.Config {
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	return dev.Config
}

func TestNodesThatAnswerAlikeHaveTheSameDigest(t *testing.T) {
	c := digestible(t)
	rootKey, config, err := server.Digests(c)
	require.NoError(t, err)
	require.Len(t, rootKey, 32)
	require.Len(t, config, 32)
	require.NotEqual(t, rootKey, config)

	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("another"), 0o600))
	for name, tc := range map[string]struct {
		change func(*server.Config)
		same   bool
	}{
		"nothing":    {func(*server.Config) {}, true},
		"an address": {func(c *server.Config) { c.Listener.Address = "127.0.0.1:1" }, true},
		"a file":     {func(c *server.Config) { c.Audit = &server.AuditConfig{File: "audit"} }, true},
		"a quota":    {func(c *server.Config) { c.Quotas = &server.Quotas{Keys: 7} }, false},
		"a rate":     {func(c *server.Config) { c.RateLimits = &server.RateLimits{Crypto: 7} }, false},
		"a window":   {func(c *server.Config) { c.Limits = &server.Limits{TimestampWindow: "1m"} }, false},
		"a region":   {func(c *server.Config) { c.Regions = []string{"cn-hangzhou"} }, false},
		"an account": {func(c *server.Config) { c.Accounts[0].ID = "1" }, false},
		"a secret": {func(c *server.Config) {
			c.Accounts[0].AccessKeys[0].Secret, c.Accounts[0].AccessKeys[0].SecretFile = "", secret
		}, false},
		"a permission": {func(c *server.Config) {
			c.Accounts[0].AccessKeys[0].Allow = []server.Allow{{Actions: []string{"kms:*"}, Resources: []string{"*"}}}
		}, false},
		"an inactive key": {func(c *server.Config) { c.Accounts[0].AccessKeys[0].Inactive = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := c
			changed.Accounts = []server.Account{c.Accounts[0]}
			changed.Accounts[0].AccessKeys = append([]server.AccessKey(nil), c.Accounts[0].AccessKeys...)
			tc.change(&changed)
			same, digest, err := server.Digests(changed)
			require.NoError(t, err)
			require.Equal(t, rootKey, same)
			require.Equal(t, tc.same, string(config) == string(digest))
		})
	}
	other := digestible(t)
	changed := c
	changed.RootKey = other.RootKey
	otherRoot, otherConfig, err := server.Digests(changed)
	require.NoError(t, err)
	require.NotEqual(t, rootKey, otherRoot)
	require.NotEqual(t, config, otherConfig, "without the root key nothing can be compared")
}

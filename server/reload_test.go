package server_test

import (
	"crypto/tls"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAReloadChangesAccessKeys(t *testing.T) {
	root := restricted(t)
	c := root.allow("LTAIother")
	c.must("ListKeys")
	setKey := func(change func(*server.AccessKey)) {
		require.NoError(t, root.kms.Reload(func(config *server.Config) { change(&config.Accounts[0].AccessKeys[1]) }))
	}
	setKey(func(k *server.AccessKey) { k.Inactive = true })
	c.do("ListKeys").refused(t, kmsapi.ErrAccessKeyInactive)
	setKey(func(k *server.AccessKey) { k.Inactive, k.Secret = false, "rotated" })
	c.do("ListKeys").refused(t, kmsapi.ErrIncompleteSignature)
	c.credentials.AccessKeySecret = kmsapi.NewSecret("rotated")
	c.must("ListKeys")
	setKey(func(k *server.AccessKey) { k.ID = "LTAIrenamed" })
	c.do("ListKeys").refused(t, kmsapi.ErrAccessKeyNotFound)
}

func TestANonceIsNotForgottenByAReload(t *testing.T) {
	w := newWire(t)
	create := w.signed("POST", "CreateKey")
	require.Equal(t, 200, w.post(create).status)
	require.NoError(t, w.kms.Reload(func(*server.Config) {}))
	w.post(create).refused(t, kmsapi.ErrSignatureNonceUsed)
}

func TestABadReloadChangesNothing(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	require.NoError(t, os.WriteFile(open, []byte("x"), 0o644))
	for _, tc := range []struct {
		name  string
		spoil func(*server.Config)
		want  string
	}{
		{"a file that is not there", func(c *server.Config) {
			c.Accounts[0].AccessKeys[0].Secret, c.Accounts[0].AccessKeys[0].SecretFile = "", dir+"/none"
		}, "none"},
		{"a secret that others can read", func(c *server.Config) {
			c.Accounts[0].AccessKeys[0].Secret, c.Accounts[0].AccessKeys[0].SecretFile = "", open
		}, "chmod 600"},
		{"an access key twice", func(c *server.Config) {
			c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, c.Accounts[0].AccessKeys[0])
		}, "twice"},
		{"no certificate", func(c *server.Config) { c.Listener.TLSCertFile = open }, "listener"},
		{"a TLS key that everybody can read", func(c *server.Config) {
			require.NoError(t, os.Chmod(c.Listener.TLSKeyFile, 0o644))
		}, "chmod o-rwx"},
		{"an audit log in a folder that is gone", func(c *server.Config) {
			require.NoError(t, os.RemoveAll(filepath.Dir(c.Audit.File)))
		}, "audit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := configured(t, func(c *server.Config) {
				c.Accounts = []server.Account{{ID: "1", AccessKeys: []server.AccessKey{accessKey("LTAIold")}}}
				c.Audit.File = filepath.Join(t.TempDir(), "logs", "audit.log")
				require.NoError(t, os.Mkdir(filepath.Dir(c.Audit.File), 0o700))
			})
			err := w.kms.Reload(func(c *server.Config) {
				keys := append([]server.AccessKey{accessKey("LTAInew")}, c.Accounts[0].AccessKeys...)
				c.Accounts = []server.Account{{ID: "1", AccessKeys: keys}}
				tc.spoil(c)
			})
			require.ErrorContains(t, err, tc.want)
			w.as("LTAIold").must("ListKeys")
			w.as("LTAInew").do("ListKeys").refused(t, kmsapi.ErrAccessKeyNotFound)
		})
	}
}

func TestTheAuditLogCanBeRotated(t *testing.T) {
	w := newWire(t)
	file := w.kms.Config().Audit.File
	w.must("ListKeys")
	require.NoError(t, os.Rename(file, file+".1"))
	w.must("ListAliases")
	require.NoError(t, w.kms.Reload(func(*server.Config) {}))
	w.must("DescribeRegions")
	moved, err := os.ReadFile(file + ".1")
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(moved), "\n"), "what came before the reload is in the old file")
	fresh, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(fresh), `"operation":"DescribeRegions"`)
	require.Equal(t, 1, strings.Count(string(fresh), "\n"))
}

func TestANewCertificateIsServedWithoutDroppingConnections(t *testing.T) {
	w := newWire(t)
	w.must("ListKeys")
	other, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, w.kms.Reload(func(c *server.Config) {
		c.Listener.TLSCertFile, c.Listener.TLSKeyFile = other.Config.Listener.TLSCertFile, other.Config.Listener.TLSKeyFile
	}))

	reused := false
	ctx := httptrace.WithClientTrace(t.Context(),
		&httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	params := w.signed("GET", "ListKeys")
	require.Equal(t, 200, w.get(ctx, params))
	require.True(t, reused, "the earlier connection is still open")

	_, err = tls.Dial("tcp", w.kms.Endpoint, w.tlsConfig())
	require.ErrorAs(t, err, new(*tls.CertificateVerificationError),
		"new connections get the new certificate, which another CA signed")
}

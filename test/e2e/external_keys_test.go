package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// hasExternalKeys reports whether a server is OpenBao 2.7 or later, which also has no seal for KMS of its own.
func (v *vaultServer) hasExternalKeys(t *testing.T) bool {
	t.Helper()
	_, err := v.Client.Logical().Write("sys/external-keys/configs/none", map[string]any{"plugin": "none"})
	refused := new(api.ResponseError)
	require.ErrorAs(t, err, &refused)
	return refused.StatusCode != http.StatusNotFound
}

// startExternalKeys starts an OpenBao of its own with the plugin for External Keys, or skips the test if there is none.
// Its environment has credentials that work, which it must not use.
func (s *stage) startExternalKeys(t *testing.T) *vaultServer {
	t.Helper()
	if !s.vault.hasExternalKeys(t) {
		t.Skip("this OpenBao has no External Keys: it is older than 2.7")
	}
	v, err := startVault(shared, s.vault.platform, s.vault.platform.name+"-keys-", settings{
		blocks: pluginBlock(t, shared.seal()),
		environment: []string{
			"ALICLOUD_ACCESS_KEY=" + s.kms.Exports["ALICLOUD_ACCESS_KEY"],
			"ALICLOUD_SECRET_KEY=" + s.kms.Exports["ALICLOUD_SECRET_KEY"],
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, v.Stop()) })
	return v
}

// The page's commands need OpenBao 2.7, so they are run here and not with those of other pages.
func TestDocsOfExternalKeysRunAsPrinted(t *testing.T) {
	onOpenBao(t, func(t *testing.T, s *stage, _, _ sealKind) {
		v := s.startExternalKeys(t)
		page, err := os.ReadFile(filepath.Join(root, "docs", "external-keys.md"))
		require.NoError(t, err)
		script, err := shellBlocksWith(string(page), "it needs OpenBao 2.7")
		require.NoError(t, err)
		(&stage{vault: v, kms: s.kms}).runAsPrinted(t, script)
	})
}

// A keyMount is transit with an external key, called "app".
type keyMount struct {
	*vaultServer
	kms *kmsService
	key string
}

func (s *stage) newKeyMount(t *testing.T) *keyMount {
	t.Helper()
	m := &keyMount{vaultServer: s.startExternalKeys(t), kms: s.kms}
	made, err := s.kms.client(t).CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	m.key = made.KeyMetadata.KeyId
	require.NoError(t, m.configure(t, nil))
	m.write(t, "sys/external-keys/configs/kms/keys/app", map[string]any{"key_id": m.key})
	m.write(t, "sys/external-keys/configs/kms/keys/app/grants/transit", nil)
	require.NoError(t, m.Client.Sys().Mount("transit", &api.MountInput{Type: "transit"}))
	m.write(t, "transit/keys/app", map[string]any{"type": "external-key", "external_key_ref": "kms:app"})
	return m
}

// configure writes the config, with changes. Settings that become nil are left out.
func (m *keyMount) configure(t *testing.T, changes map[string]any) error {
	t.Helper()
	ca, err := os.ReadFile(m.kms.Exports["SSL_CERT_FILE"])
	require.NoError(t, err)
	all := map[string]any{
		"plugin": "alicloudkms", "region": m.kms.Exports["ALICLOUD_REGION"], "endpoint": m.kms.Address, "ca_cert": string(ca),
		"access_key": m.kms.Exports["ALICLOUD_ACCESS_KEY"], "secret_key": m.kms.Exports["ALICLOUD_SECRET_KEY"],
	}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	_, err = m.Client.Logical().Write("sys/external-keys/configs/kms", all)
	return err
}

func (m *keyMount) write(t *testing.T, path string, data map[string]any) map[string]any {
	t.Helper()
	answer, err := m.Client.Logical().Write(path, data)
	require.NoError(t, err)
	if answer == nil {
		return nil
	}
	return answer.Data
}

func TestExternalKeysTakeNothingFromTheServer(t *testing.T) {
	onOpenBao(t, func(t *testing.T, s *stage, _, _ sealKind) {
		m := s.newKeyMount(t)
		type settings = map[string]any
		for name, tc := range map[string]struct {
			changes settings
			says    string
		}{
			"its credentials":    {settings{"access_key": nil, "secret_key": nil}, "access_key and secret_key are required"},
			"a file":             {settings{"ca_cert": m.kms.Exports["SSL_CERT_FILE"]}, "ca_cert must be the PEM itself"},
			"a variable":         {settings{"secret_key": "env://ALICLOUD_SECRET_KEY"}, "secret_key must be the value itself"},
			"an unknown setting": {settings{"reigon": "x"}, `did you mean "region"?`},
		} {
			require.ErrorContains(t, m.configure(t, tc.changes), tc.says, name)
		}
		shown, err := m.Client.Logical().Read("sys/external-keys/configs/kms")
		require.NoError(t, err)
		require.Equal(t, "(redacted)", shown.Data["secret_key"])
		require.Equal(t, m.kms.Exports["ALICLOUD_ACCESS_KEY"], shown.Data["access_key"])
	})
}

// OpenBao starts a plugin that was killed again, and opens KMS and key in it. A request may fail in the moment before
// OpenBao has noticed the kill; none gets a wrong answer.
func TestExternalKeysOutliveTheirPlugin(t *testing.T) {
	onOpenBao(t, func(t *testing.T, s *stage, _, _ sealKind) {
		m := s.newKeyMount(t)
		const hello = "aGVsbG8="
		ciphertext := m.write(t, "transit/encrypt/app", map[string]any{"plaintext": hello})["ciphertext"]
		opens := func() {
			assert.NoError(t, m.Await(func() bool {
				opened, err := m.Client.Logical().Write("transit/decrypt/app", map[string]any{"ciphertext": ciphertext})
				return err == nil && assert.Equal(t, hello, opened.Data["plaintext"])
			}))
		}
		opens()
		for range 2 {
			running, err := m.children(shared.seal())
			require.NoError(t, err)
			require.Len(t, running, 1)
			require.NoError(t, syscall.Kill(running[0], syscall.SIGKILL))
			var all sync.WaitGroup
			for range 8 {
				all.Go(opens)
			}
			all.Wait()
		}
		require.NoError(t, m.restart())
		require.NoError(t, m.Unseal(t.Context()))
		require.NoError(t, m.Await(m.IsActive))
		opens()
	})
}

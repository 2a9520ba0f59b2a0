package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers/vault"
)

// A lock is a CMK that servers are sealed with, on its own KMS service.
type lock struct {
	kms    *kmsService
	client *client.Client
	key    string
}

func (s *stage) newLock(t *testing.T) *lock {
	t.Helper()
	kms := s.ownKMS(t, "seal")
	l := &lock{kms: kms, client: kms.client(t)}
	made, err := l.client.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	l.key = made.KeyMetadata.KeyId
	_, err = l.client.CreateAlias(t.Context(), &kmsapi.CreateAliasRequest{AliasName: "alias/unseal", KeyId: l.key})
	require.NoError(t, err)
	return l
}

// intoInstance points the alias at a CMK of the service's KMS instance, and returns settings of a seal that reaches it
// only over the instance's dedicated gateway.
func (l *lock) intoInstance(t *testing.T) map[string]string {
	t.Helper()
	id := l.kms.Exports["ALICLOUD_KMS_INSTANCE_ID"]
	l.pointAtNew(t, &kmsapi.CreateKeyRequest{DKMSInstanceId: id})
	return map[string]string{
		"domain": "", "gateway": "dedicated", "kms_instance_id": id,
		"instance_endpoint": l.kms.Exports["ALICLOUD_KMS_INSTANCE_ENDPOINT"],
		"ca_cert":           l.kms.Exports["ALICLOUD_KMS_INSTANCE_CA"],
	}
}

func (l *lock) disable(t *testing.T) {
	t.Helper()
	_, err := l.client.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: l.key})
	require.NoError(t, err)
}

func (l *lock) enable(t *testing.T) {
	t.Helper()
	_, err := l.client.EnableKey(t.Context(), &kmsapi.EnableKeyRequest{KeyId: l.key})
	require.NoError(t, err)
}

// renew points the alias at another CMK.
func (l *lock) renew(t *testing.T) {
	t.Helper()
	l.pointAtNew(t, &kmsapi.CreateKeyRequest{})
}

// pointAtNew creates a CMK and points the alias at it.
func (l *lock) pointAtNew(t *testing.T, request *kmsapi.CreateKeyRequest) {
	t.Helper()
	made, err := l.client.CreateKey(t.Context(), request)
	require.NoError(t, err)
	l.key = made.KeyMetadata.KeyId
	_, err = l.client.UpdateAlias(t.Context(), &kmsapi.UpdateAliasRequest{AliasName: "alias/unseal", KeyId: l.key})
	require.NoError(t, err)
}

// A sealKind is a kind of seal "alicloudkms".
type sealKind struct {
	name string
	// platforms are the platforms that support it.
	platforms []string
	// plugin is the plugin's executable, or empty for a built-in seal.
	plugin string
}

// sealKinds are the built-in seal and ours.
func sealKinds() []sealKind {
	return []sealKind{
		{name: "built in", platforms: []string{"vault", "openbao"}},
		{name: "plugin", platforms: []string{"openbao"}, plugin: shared.seal()},
	}
}

// onEachSeal runs test with every kind of seal on every platform that supports it.
func onEachSeal(t *testing.T, test func(*testing.T, *stage, sealKind)) {
	t.Helper()
	onEach(t, func(t *testing.T, s *stage) {
		for _, m := range sealKinds() {
			if !slices.Contains(m.platforms, s.vault.platform.name) {
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				s.mustHave(t, m)
				test(t, s, m)
			})
		}
	})
}

// mustHave skips the test if m is the built-in seal of an OpenBao that no longer has one.
func (s *stage) mustHave(t *testing.T, m sealKind) {
	t.Helper()
	if m.plugin == "" && s.vault.platform.name == "openbao" && s.vault.hasExternalKeys(t) {
		t.Skip("from 2.7 on, OpenBao has no built-in seal for KMS")
	}
}

// onOpenBao runs test on OpenBao, the only one with plugins for seals and for External Keys, or skips it without one.
func onOpenBao(t *testing.T, test func(t *testing.T, s *stage, builtIn, plugin sealKind)) {
	t.Helper()
	i := slices.IndexFunc(shared.platforms, func(p platform) bool { return p.name == "openbao" })
	if i < 0 {
		t.Skip("no OpenBao to test on: set BAO_BIN to an OpenBao binary")
	}
	t.Run("openbao", func(t *testing.T) {
		s, err := shared.stages["openbao"]()
		require.NoError(t, err)
		test(t, s, sealKinds()[0], sealKinds()[1])
	})
}

// block returns the seal's part of the configuration. Empty settings are omitted.
func (m sealKind) block(t *testing.T, values map[string]string) string {
	t.Helper()
	var b strings.Builder
	if m.plugin != "" {
		b.WriteString(pluginBlock(t, m.plugin))
	}
	b.WriteString("seal \"alicloudkms\" {\n")
	for name, value := range values {
		if value != "" {
			fmt.Fprintf(&b, "  %s = %q\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// pluginBlock returns the part of OpenBao's configuration that makes an executable the KMS plugin alicloudkms.
func pluginBlock(t *testing.T, executable string) string {
	t.Helper()
	sum, err := vault.SHA256(executable)
	require.NoError(t, err)
	return fmt.Sprintf("plugin \"kms\" \"alicloudkms\" {\n  command = %q\n  sha256sum = %q\n}\n",
		filepath.Base(executable), sum)
}

// settings returns what a server needs for a seal. The built-in seal finds its CA in the environment; the plugin gets
// it from the configuration.
func (m sealKind) settings(t *testing.T, l *lock, changes map[string]string) settings {
	t.Helper()
	values := map[string]string{
		"kms_key_id": "alias/unseal", "region": l.kms.Exports["ALICLOUD_REGION"], "domain": l.kms.Address,
		"access_key": l.kms.Exports["ALICLOUD_ACCESS_KEY"], "secret_key": l.kms.Exports["ALICLOUD_SECRET_KEY"],
	}
	maps.Copy(values, changes)
	ca := l.kms.Exports["SSL_CERT_FILE"]
	if m.plugin == "" {
		return settings{seal: m.block(t, values), environment: []string{"SSL_CERT_FILE=" + ca}}
	}
	values["ca_cert"] = cmp.Or(values["ca_cert"], ca)
	return settings{seal: m.block(t, values)}
}

// use changes the seal that v uses from its next start.
func (v *vaultServer) use(t *testing.T, m sealKind, l *lock, changes map[string]string) {
	t.Helper()
	set := m.settings(t, l, changes)
	v.seal, v.environment = set.seal, set.environment
}

// startLocked starts a server that m unseals.
func (s *stage) startLocked(t *testing.T, m sealKind, l *lock) *vaultServer {
	t.Helper()
	v, err := startVault(shared, s.vault.platform, s.vault.platform.name+"-locked-", m.settings(t, l, nil))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, v.Stop()) })
	require.Empty(t, v.UnsealKey, "there is no unseal key")
	v.hasSeal(t, "alicloudkms")
	v.remember(t)
	return v
}

func (v *vaultServer) hasSeal(t *testing.T, kind string) {
	t.Helper()
	status, err := v.Client.Sys().SealStatus()
	require.NoError(t, err)
	require.Equal(t, kind, status.Type)
}

const memory = "# kept over all restarts"

// remember stores something for remembers to find again.
func (v *vaultServer) remember(t *testing.T) {
	t.Helper()
	require.NoError(t, v.Client.Sys().PutPolicy("memory", memory))
}

// comesUp requires that the server becomes active on its own, with all its data.
func (v *vaultServer) comesUp(t *testing.T) {
	t.Helper()
	require.NoError(t, v.Await(v.IsActive))
	kept, err := v.Client.Sys().GetPolicy("memory")
	require.NoError(t, err)
	require.Equal(t, memory, kept)
}

// rekey changes the recovery key, for which a running server needs its seal: to unseal the old one and seal the new
// one.
func (v *vaultServer) rekey(t *testing.T) {
	t.Helper()
	change := map[string]func(*testing.T) string{"vault": v.rekeyVault, "openbao": v.rekeyOpenBao}[v.platform.name]
	v.RecoveryKey = change(t)
	shared.secrets.add(v.RecoveryKey)
}

func (v *vaultServer) rekeyVault(t *testing.T) string {
	t.Helper()
	begun, err := v.Client.Sys().RekeyRecoveryKeyInit(&api.RekeyInitRequest{SecretShares: 1, SecretThreshold: 1})
	require.NoError(t, err)
	made, err := v.Client.Sys().RekeyRecoveryKeyUpdate(v.RecoveryKey, begun.Nonce)
	require.NoError(t, err)
	require.Len(t, made.Keys, 1)
	return made.Keys[0]
}

func (v *vaultServer) rekeyOpenBao(t *testing.T) string {
	t.Helper()
	begun, err := v.Client.Logical().Write("sys/rotate/recovery/init",
		map[string]any{"secret_shares": 1, "secret_threshold": 1})
	require.NoError(t, err)
	made, err := v.Client.Logical().Write("sys/rotate/recovery/update",
		map[string]any{"key": v.RecoveryKey, "nonce": begun.Data["nonce"]})
	require.NoError(t, err)
	require.Len(t, made.Data["keys"], 1)
	return made.Data["keys"].([]any)[0].(string)
}

// migrate gives a server that was started with another seal the key of its old one.
func (v *vaultServer) migrate(t *testing.T, key string) {
	t.Helper()
	status, err := v.Client.Sys().UnsealWithOptions(&api.UnsealOpts{Key: key, Migrate: true})
	require.NoError(t, err)
	require.False(t, status.Sealed)
	v.comesUp(t)
}

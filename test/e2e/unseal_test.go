package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestServerUnsealsItselfWithACMK(t *testing.T) {
	t.Parallel()
	onEachSeal(t, func(t *testing.T, s *stage, m sealKind) {
		l := s.newLock(t)
		v := s.startLocked(t, m, l)
		for _, turn := range []struct {
			name string
			test func(*testing.T)
		}{
			{"after a restart", func(t *testing.T) { require.NoError(t, v.restart()) }},
			{"after a kill", func(t *testing.T) {
				v.Kill()
				require.NoError(t, v.start())
			}},
			{"after a restart of KMS", func(t *testing.T) {
				require.NoError(t, l.kms.Stop())
				require.NoError(t, v.Stop())
				require.NoError(t, l.kms.Start())
				require.NoError(t, v.start())
			}},
			{"when its key is enabled", func(t *testing.T) {
				l.disable(t)
				from := v.logged(t)
				require.NoError(t, v.restart())
				v.says(t, from, "Rejected.Disabled")
				l.enable(t)
			}},
			{"when KMS is up again", func(t *testing.T) {
				require.NoError(t, v.Stop())
				require.NoError(t, l.kms.Stop())
				v.endsAtStart(t, l.kms.Address)
				require.NoError(t, l.kms.Start())
				require.NoError(t, v.start())
			}},
			{"while KMS comes and goes under it", func(t *testing.T) {
				require.NoError(t, l.kms.Stop())
				require.True(t, v.IsActive(), "an unsealed server stays unsealed")
				require.NoError(t, l.kms.Start())
				v.rekey(t)
			}},
			{"with another KMS key", func(t *testing.T) {
				before := l.key
				l.renew(t)
				require.NoError(t, v.restart())
				v.comesUp(t)
				_, err := l.client.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: before})
				require.NoError(t, err, "everything is sealed again with the new key")
				require.NoError(t, v.restart())
			}},
		} {
			t.Run(turn.name, func(t *testing.T) {
				turn.test(t)
				v.comesUp(t)
			})
		}
		v.rekey(t)
	})
}

// endsAtStart requires that a server whose seal can't get its key exits, and logs text.
func (v *vaultServer) endsAtStart(t *testing.T, text string) {
	t.Helper()
	from := v.logged(t)
	require.NoError(t, v.launch())
	require.Error(t, v.Wait())
	require.True(t, v.printed(from, text), v.Tail())
}

func TestServerSaysAtStartWhatIsWrongWithItsSeal(t *testing.T) {
	t.Parallel()
	onEachSeal(t, func(t *testing.T, s *stage, m sealKind) {
		l := s.newLock(t)
		v := s.startLocked(t, m, l)
		require.NoError(t, v.Stop())
		good := v.settings
		for name, tc := range map[string]struct{ key, value, says string }{
			"a wrong secret":            {"secret_key", "wrong-secret-of-the-e2e-tests", "IncompleteSignature"},
			"a key that does not exist": {"kms_key_id", "alias/none", "Forbidden.AliasNotFound"},
		} {
			t.Run(name, func(t *testing.T) {
				v.use(t, m, l, map[string]string{tc.key: tc.value})
				v.endsAtStart(t, tc.says)
			})
		}
		v.settings = good
		require.NoError(t, v.start())
		v.comesUp(t)
	})
}

// A server with unseal keys gets a seal, and goes back to unseal keys.
func TestSealIsAddedAndRemoved(t *testing.T) {
	t.Parallel()
	onEachSeal(t, func(t *testing.T, s *stage, m sealKind) {
		l := s.newLock(t)
		v, err := startVault(shared, s.vault.platform, s.vault.platform.name+"-migrating-", settings{})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, v.Stop()) })
		v.hasSeal(t, "shamir")
		v.remember(t)

		v.use(t, m, l, nil)
		require.NoError(t, v.restart())
		v.migrate(t, v.UnsealKey)
		v.RecoveryKey, v.UnsealKey = v.UnsealKey, ""
		require.NoError(t, v.restart())
		v.comesUp(t)
		v.hasSeal(t, "alicloudkms")
		v.rekey(t)

		v.use(t, m, l, map[string]string{"disabled": "true"})
		require.NoError(t, v.restart())
		v.migrate(t, v.RecoveryKey)
		v.RecoveryKey, v.UnsealKey = "", v.RecoveryKey
		v.seal, v.environment = "", nil
		require.NoError(t, l.kms.Stop())
		require.NoError(t, v.restart())
		v.hasSeal(t, "shamir")
		require.NoError(t, v.Unseal(t.Context()))
		v.comesUp(t)
		require.NoError(t, l.kms.Start())
	})
}

// A server that unseals through the engine of another one is migrated to unseal with KMS directly.
func TestSealMovesFromTheEngineToACMK(t *testing.T) {
	t.Parallel()
	onEachSeal(t, func(t *testing.T, s *stage, m sealKind) {
		v := s.startSealing(t).vaultServer
		v.hasSeal(t, "transit")
		v.remember(t)
		old := strings.Replace(v.seal, "{", "{\n  disabled = \"true\"", 1)
		l := s.newLock(t)
		v.use(t, m, l, nil)
		only := v.seal
		v.seal = old + "\n" + only
		require.NoError(t, v.restart())
		v.migrate(t, v.RecoveryKey)

		v.seal = only
		require.NoError(t, v.restart())
		v.comesUp(t)
		v.hasSeal(t, "alicloudkms")
		v.rekey(t)
	})
}

// The plugin unseals what the built-in seal has sealed, without keys or a migration, and vice versa.
func TestPluginTakesOverFromTheBuiltInSeal(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, builtIn, plugin sealKind) {
		s.mustHave(t, builtIn)
		l := s.newLock(t)
		v := s.startLocked(t, builtIn, l)
		for _, next := range []struct {
			sealKind
			says string
		}{{plugin, "builtin: false"}, {builtIn, "builtin: true"}, {plugin, "builtin: false"}} {
			from := v.logged(t)
			v.use(t, next.sealKind, l, nil)
			require.NoError(t, v.restart())
			v.comesUp(t)
			v.hasSeal(t, "alicloudkms")
			require.True(t, v.printed(from, next.says))
			v.rekey(t)
		}
	})
}

// As an operator would: node by node, the leader last, while the cluster keeps serving.
func TestPluginTakesOverAClusterNodeByNode(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, builtIn, plugin sealKind) {
		s.mustHave(t, builtIn)
		l := s.newLock(t)
		c := startCluster(t, s.vault.platform, builtIn.settings(t, l, nil))
		leader := c.leader(t)
		leader.remember(t)
		standbys := slices.DeleteFunc(slices.Clone(c.nodes), func(v *vaultServer) bool { return v == leader })
		for _, node := range append(standbys, leader) {
			from := node.logged(t)
			node.use(t, plugin, l, nil)
			require.NoError(t, node.restart())
			require.NoError(t, node.Await(node.unsealed))
			require.True(t, node.printed(from, "builtin: false"))
			require.NoError(t, node.Await(c.canLoseANode))
		}
		leader = c.leader(t)
		leader.RecoveryKey = c.nodes[0].RecoveryKey
		leader.comesUp(t)
		leader.rekey(t)

		// A standby is already unsealed, and needs no KMS to become the leader.
		require.NoError(t, l.kms.Stop())
		leader.Kill()
		rest := cluster{slices.DeleteFunc(slices.Clone(c.nodes), func(v *vaultServer) bool { return v == leader })}
		rest.leader(t).comesUp(t)
		require.NoError(t, l.kms.Start())
		require.NoError(t, leader.start())
		require.NoError(t, leader.Await(leader.unsealed))
	})
}

// Without a secret in its configuration, the plugin finds credentials where package credentials looks for them.
func TestSealPluginFindsItsCredentialsInTheEnvironment(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, _, m sealKind) {
		l := s.newLock(t)
		v := s.startLocked(t, m, l)
		v.use(t, m, l, map[string]string{"access_key": "", "secret_key": ""})
		v.environment = []string{"ALIBABA_CLOUD_ECS_METADATA_DISABLED=true"}
		require.NoError(t, v.Stop())
		v.endsAtStart(t, "credentials")
		v.environment = []string{
			"ALIBABA_CLOUD_ACCESS_KEY_ID=" + l.kms.Exports["ALICLOUD_ACCESS_KEY"],
			"ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + l.kms.Exports["ALICLOUD_SECRET_KEY"],
		}
		require.NoError(t, v.start())
		v.comesUp(t)
		v.rekey(t)
	})
}

// A KMS that accepts requests and does not respond is like one that is down, and does not affect an unsealed server.
func TestSealPluginGivesUpOnAKMSThatHangs(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, _, m sealKind) {
		l := s.newLock(t)
		v := s.startLocked(t, m, l)
		v.use(t, m, l, map[string]string{"request_timeout": "1s"})
		require.NoError(t, v.restart())
		v.comesUp(t)

		service := l.kms.Process
		require.NoError(t, service.Freeze())
		t.Cleanup(func() { _ = service.Signal(syscall.SIGCONT) })
		require.True(t, v.IsActive())
		require.NoError(t, v.Stop())
		v.endsAtStart(t, "there was no answer in time")
		require.NoError(t, service.Signal(syscall.SIGCONT))
		require.NoError(t, v.start())
		v.comesUp(t)
	})
}

// A server without a way to the shared gateway, for a CMK that has left it behind.
func TestSealPluginUnsealsOverADedicatedGatewayAlone(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, _, m sealKind) {
		l := s.newLock(t)
		v := s.startLocked(t, m, l)
		dedicated := l.intoInstance(t)
		require.NoError(t, v.restart(), "the server seals its keys with the KMS key of the instance")
		v.comesUp(t)

		v.use(t, m, l, dedicated)
		require.NoError(t, v.restart())
		v.comesUp(t)
		v.hasSeal(t, "alicloudkms")
		v.rekey(t)

		good := v.seal
		v.seal = strings.ReplaceAll(good, dedicated["kms_instance_id"], "kst-other")
		require.NoError(t, v.Stop())
		v.endsAtStart(t, kmsapi.InstanceHost("kst-other"))
		v.seal = good
		require.NoError(t, v.start())
		v.comesUp(t)
	})
}

// The Vault that unseals others can't reach the shared gateway; the dedicated gateway of the CMK's instance is enough.
func TestServerUnsealsItselfThroughTheEngineOverADedicatedGatewayAlone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		secret := s.kms.Exports["ALICLOUD_SECRET_KEY"]
		ca, err := os.ReadFile(s.kms.Exports["ALICLOUD_KMS_INSTANCE_CA"])
		require.NoError(t, err)
		m.write("config", map[string]any{
			"secret_key": secret, "gateway": "dedicated", "kms_instance_id": s.kms.Exports["ALICLOUD_KMS_INSTANCE_ID"],
			"instance_endpoint": s.kms.Exports["ALICLOUD_KMS_INSTANCE_ENDPOINT"], "instance_ca_cert": string(ca),
		})
		m.write("keys/unseal", nil)
		m.write("config", map[string]any{"secret_key": secret, "endpoint": "127.0.0.1:1", "verify": false})

		sealed := s.startSealingWith(t, m)
		sealed.hasSeal(t, "transit")
		sealed.remember(t)
		require.NoError(t, sealed.restart())
		sealed.comesUp(t)
		sealed.rekey(t)
		_, err = m.client.Logical().Read(m.path + "/keys/unseal")
		m.refused(err, http.StatusBadGateway, "the shared gateway")
	})
}

// OpenBao restarts the plugin when it needs it.
func TestKilledSealPluginIsRestarted(t *testing.T) {
	t.Parallel()
	onOpenBao(t, func(t *testing.T, s *stage, _, m sealKind) {
		v := s.startLocked(t, m, s.newLock(t))
		for range 3 {
			running, err := v.children(m.plugin)
			require.NoError(t, err)
			require.Len(t, running, 1)
			from := v.logged(t)
			require.NoError(t, syscall.Kill(running[0], syscall.SIGKILL))
			require.NoError(t, v.Await(func() bool { return v.printed(from, "plugin process exited") }))
			v.rekey(t)
		}
		require.NoError(t, v.restart())
		v.comesUp(t)
	})
}

func TestSealPluginSaysWhatItIs(t *testing.T) {
	onEach(t, func(t *testing.T, _ *stage) {
		printed, err := exec.Command(shared.seal(), "--version").Output()
		require.NoError(t, err)
		require.Equal(t, sealName+" "+stampedVersion+"\n", string(printed))
		out, err := exec.Command(shared.seal()).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "OpenBao starts it")
	})
}

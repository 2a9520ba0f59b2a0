package e2e

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nextVersion is a later build of the same plugin, under its own file name, as in docs/upgrade.md.
const nextVersion = "v0.2.0-e2e"

// registerNext builds the later plugin and registers it in the catalog for the duration of the test.
func (s *stage) registerNext(t *testing.T) {
	t.Helper()
	next := filepath.Join(shared.plugins(), pluginName+"_"+nextVersion)
	require.NoError(t, shared.buildBinary("cmd/"+pluginName, next, nextVersion))
	require.NoError(t, s.vault.Register(t.Context(), pluginName, next, nextVersion))
	s.deregisterAfter(t, nextVersion)
}

func (s *stage) deregisterAfter(t *testing.T, version string) {
	t.Cleanup(func() {
		assert.NoError(t, s.vault.Client.Sys().DeregisterPlugin(&api.DeregisterPluginInput{
			Name: pluginName, Type: api.PluginTypeSecrets, Version: version,
		}))
	})
}

// registerUnusable registers a version of the plugin with a checksum that no file has.
func (s *stage) registerUnusable(t *testing.T, version string) {
	t.Helper()
	require.NoError(t, s.vault.Client.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name: pluginName, Type: api.PluginTypeSecrets, Command: pluginName, Version: version,
		SHA256: strings.Repeat("0", 64),
	}))
}

// reload reloads every mount of the plugin.
func (s *stage) reload() error {
	_, err := s.vault.Client.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: pluginName})
	return err
}

// tune makes a version run from the next reload on.
func (m *mount) tune(version string) {
	m.t.Helper()
	input := api.TuneMountConfigInput{PluginVersion: &version}
	require.NoError(m.t, m.client.Sys().TuneMountAllowNil(m.path, input))
}

// runs requires that a version runs.
func (m *mount) runs(version string) {
	m.t.Helper()
	mounts, err := m.client.Sys().ListMounts()
	require.NoError(m.t, err)
	require.Equal(m.t, version, mounts[m.path+"/"].RunningVersion)
}

// busyMount is a mount under load, with a KMS service of its own.
type busyMount struct {
	*mount
	kms    *kmsService
	work   *ledger
	finish func()
}

type busyMounts []*busyMount

// busyMounts returns n mounts under load.
func (s *stage) busyMounts(t *testing.T, n int) busyMounts {
	t.Helper()
	all := make(busyMounts, n)
	for i := range all {
		m := &busyMount{mount: s.mountUnconfigured(t), kms: s.ownKMS(t, fmt.Sprint("busy", i)), work: newLedger()}
		m.write("config", m.kms.EngineConfig())
		m.write("keys/"+firstKey, nil)
		all[i] = m
	}
	for _, m := range all {
		m.finish = m.work.run(t, func(int) ask { return m.try })
	}
	return all
}

// goOn waits until every mount has served more requests.
func (all busyMounts) goOn(s *stage) {
	for _, m := range all {
		m.work.until(m.t, s.vault.Process, 50)
	}
}

// changeVersion upgrades all mounts as in docs/upgrade.md.
func (all busyMounts) changeVersion(s *stage, version string) {
	for _, m := range all {
		m.tune(version)
	}
	require.NoError(all[0].t, s.reload())
	for _, m := range all {
		m.runs(version)
	}
}

// finish ends the load and requires that it never failed.
func (all busyMounts) finish() {
	for _, m := range all {
		m.finish()
	}
	for number, m := range all {
		require.Empty(m.t, m.work.errs, "mount %d: a reload waits for requests in flight", number)
	}
}

func TestReloadUpgradeAndDowngradeFailNoRequestOfAnyMount(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		s.registerNext(t)
		all := s.busyMounts(t, 3)
		all.goOn(s)
		for range 4 {
			require.NoError(t, s.reload())
			all.goOn(s)
		}
		for _, version := range []string{nextVersion, stampedVersion} {
			all.changeVersion(s, version)
			all.goOn(s)
		}
		all.finish()

		for _, version := range []string{nextVersion, stampedVersion} {
			all.changeVersion(s, version)
			for _, m := range all {
				m.work.opensFor(t, m.try)
			}
		}
		for _, m := range all {
			m.work.agreesWith(m.mount, m.kms)
		}
	})
}

func TestReloadOrCrashOfOneMountLeavesTheOthersAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		earlier := s.pluginProcesses(t)
		all := s.busyMounts(t, 2)
		others := s.pluginsSince(t, earlier)
		require.Len(t, others, len(all))
		one := s.mount(t)
		one.write("keys/a", nil)
		use := func() error { _, err := one.try("encrypt/a", map[string]any{"plaintext": newPlaintext()}); return err }

		for range 2 {
			before := s.plugin(one)
			_, err := one.client.Sys().ReloadPlugin(&api.ReloadPluginInput{Mounts: []string{one.path + "/"}})
			require.NoError(t, err)
			require.NotEqual(t, before, s.plugin(one))
			all.goOn(s)
			require.NoError(t, syscall.Kill(s.plugin(one), syscall.SIGKILL))
			s.comesBack(t, use)
			all.goOn(s)
		}
		all.finish()
		require.Subset(t, s.pluginProcesses(t), others)
	})
}

func TestFailedUpgradeLeavesTheRunningVersionAndFailsNoRequest(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const unusable = "v0.3.0-e2e"
		s.registerUnusable(t, unusable)
		s.deregisterAfter(t, unusable)
		all := s.busyMounts(t, 2)
		all.goOn(s)
		for _, m := range all {
			m.tune(unusable)
			require.ErrorContains(t, s.reload(), "checksum")
			all.goOn(s)
		}
		all.changeVersion(s, stampedVersion)
		all.goOn(s)
		all.finish()
	})
}

// A reload ends the old process first, and its file is compared with the catalog when it is started again.
func TestRunningVersionThatIsRegisteredWithAnotherChecksumEndsWithAReload(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("a", plaintext)
		register := func() error {
			return s.vault.Register(context.Background(), pluginName, shared.plugin(), stampedVersion)
		}
		t.Cleanup(func() { assert.NoError(t, register()) })

		s.registerUnusable(t, stampedVersion)
		require.Equal(t, plaintext, m.decrypt("a", ciphertext), "nothing changes until the reload")
		require.ErrorContains(t, s.reload(), "checksum")
		from := s.vault.logged(t)
		_, err := m.try("decrypt/a", map[string]any{"ciphertext": ciphertext})
		m.refused(err, http.StatusInternalServerError)
		require.NoError(t, s.vault.Await(func() bool { return s.vault.printed(from, "checksums did not match") }))
		require.NoError(t, register())
		require.Equal(t, plaintext, m.decrypt("a", ciphertext), "it needs no other reload")
	})
}

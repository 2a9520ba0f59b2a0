package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// workers is the number of clients under load.
const workers = 8

// load runs work in many goroutines until the returned function is called, which waits for them.
func load(work func(worker, round int)) (finish func()) {
	var group sync.WaitGroup
	stop := make(chan struct{})
	for worker := range workers {
		group.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
					work(worker, round)
				}
			}
		})
	}
	return func() { close(stop); group.Wait() }
}

// tally counts outcomes under load. The mutex guards all fields.
type tally struct {
	mu          sync.Mutex
	ciphertexts []string
	keys        []string
	errs        []error
}

func (c *tally) note(key, ciphertext string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.errs = append(c.errs, err)
	case ciphertext != "":
		c.ciphertexts = append(c.ciphertexts, ciphertext)
	default:
		c.keys = append(c.keys, key)
	}
}

func (c *tally) successes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ciphertexts)
}

// encryptInto encrypts and records the outcome.
func (m *mount) encryptInto(c *tally, key, plaintext string) {
	answer, err := m.try("encrypt/"+key, map[string]any{"plaintext": plaintext})
	ciphertext := ""
	if err == nil {
		ciphertext, _ = answer.Data["ciphertext"].(string)
	}
	c.note(key, ciphertext, err)
}

// until waits until c has n more successes.
func (c *tally) until(t *testing.T, p *servers.Process, n int) {
	t.Helper()
	goal := c.successes() + n
	require.NoError(t, p.Await(func() bool { return c.successes() >= goal }))
}

func TestConfigChangesUnderLoadFailNoRequest(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		var seen tally
		finish := load(func(int, int) { m.encryptInto(&seen, "a", plaintext) })
		for round := range 20 {
			m.write("config", with(s.kms.EngineConfig(), map[string]any{"request_timeout": fmt.Sprintf("%ds", 10+round)}))
			seen.until(t, s.vault.Process, 10)
		}
		finish()
		require.Empty(t, seen.errs)
		require.Equal(t, plaintext, m.decrypt("a", seen.ciphertexts[len(seen.ciphertexts)-1]))
	})
}

func TestKilledPluginIsRestarted(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("a", plaintext)
		for range 3 {
			killed := s.plugin(m)
			require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
			// Requests in flight at that time are lost. Once Vault has noticed, no more are.
			require.NoError(t, s.vault.Await(func() bool {
				_, err := m.try("decrypt/a", map[string]any{"ciphertext": ciphertext})
				return err == nil
			}))
			for range 20 {
				require.Equal(t, plaintext, m.decrypt("a", m.encrypt("a", plaintext)))
			}
			require.NotEqual(t, killed, s.plugin(m))
		}
	})
}

func TestKilledPluginLosesNoAcknowledgedWrites(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "of-killed-plugin")
		m := s.mountUnconfigured(t)
		m.write("config", kms.EngineConfig())
		m.write("keys/"+firstKey, nil)

		work := newLedger()
		finish := work.run(t, func(int) ask { return m.try })
		for range 3 {
			work.until(t, s.vault.Process, 100)
			require.NoError(t, syscall.Kill(s.plugin(m), syscall.SIGKILL))
		}
		work.until(t, s.vault.Process, 100)
		finish()

		require.NotEmpty(t, work.errs, "the plugin must have been killed while busy")
		work.failuresAreTheServers(t)
		work.writeUnfinishedAgain(m)
		work.opensFor(t, m.try)
		work.agreesWith(m, kms)
	})
}

func TestKilledKMSLosesNoAcknowledgedWrites(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, err := startKMS(shared, "killed-kms-of-"+s.vault.platform.name)
		require.NoError(t, err)
		m := s.mountUnconfigured(t)
		m.write("config", with(kms.EngineConfig(), map[string]any{"max_retries": 0}))
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		var seen tally
		finish := load(func(worker, round int) {
			m.encryptInto(&seen, "a", plaintext)
			if worker == 0 {
				key := fmt.Sprintf("k%d", round)
				_, err := m.try("keys/"+key, nil)
				seen.note(key, "", err)
			}
		})
		for range 3 {
			seen.until(t, kms.Process, 50)
			kms.Kill()
			require.NoError(t, kms.Start())
		}
		seen.until(t, kms.Process, 50)
		finish()

		for _, err := range seen.errs {
			var refusal *api.ResponseError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, http.StatusBadGateway, refusal.StatusCode, "while KMS is down: %s", refusal)
		}
		for _, ciphertext := range seen.ciphertexts {
			require.Equal(t, plaintext, m.decrypt("a", ciphertext))
		}
		require.NotEmpty(t, seen.keys)
		for _, key := range seen.keys {
			require.Equal(t, plaintext, m.decrypt(key, m.encrypt(key, plaintext)))
		}
	})
}

func TestKMSDownIsABadGateway(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, err := startKMS(shared, "down-kms-of-"+s.vault.platform.name)
		require.NoError(t, err)
		m := s.mountUnconfigured(t)
		m.write("config", with(kms.EngineConfig(), map[string]any{"max_retries": 1}))
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("a", plaintext)

		require.NoError(t, kms.Stop())
		for path, data := range map[string]map[string]any{
			"encrypt/a":         {"plaintext": plaintext},
			"decrypt/a":         {"ciphertext": ciphertext},
			"datakey/wrapped/a": nil,
			"keys/a/disable":    nil,
			"keys/new":          nil,
		} {
			_, err := m.try(path, data)
			require.Error(t, err)
			m.refused(err, http.StatusBadGateway)
			require.NotContains(t, err.Error(), plaintext)
		}
		require.Equal(t, []any{"a"}, m.list("keys"), "a key that was not created must not be listed")

		require.NoError(t, kms.Start())
		require.Equal(t, plaintext, m.decrypt("a", ciphertext))
	})
}

func TestRestartedVaultKeepsItsKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("a", plaintext)

		require.NoError(t, s.vault.restart())
		_, err := m.try("decrypt/a", map[string]any{"ciphertext": ciphertext})
		var refusal *api.ResponseError
		require.True(t, errors.As(err, &refusal) && refusal.StatusCode == http.StatusServiceUnavailable,
			"a sealed Vault must refuse: %v", err)

		require.NoError(t, s.vault.Unseal(t.Context()))
		require.Equal(t, []any{"a"}, m.list("keys"))
		require.Equal(t, plaintext, m.decrypt("a", ciphertext))
	})
}

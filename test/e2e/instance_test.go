package e2e

import (
	"net/http"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// dedicatedConfig is what the engine also needs to use the keys of the service's instance over its dedicated gateway.
func (k *kmsService) dedicatedConfig() map[string]any {
	return map[string]any{
		"gateway": "dedicated", "kms_instance_id": k.Exports["ALICLOUD_KMS_INSTANCE_ID"],
		"instance_endpoint": k.Exports["ALICLOUD_KMS_INSTANCE_ENDPOINT"],
	}
}

func TestDedicatedGatewayServesWhileTheSharedOneIsDown(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "dedicated")
		proxy := kms.behindFaults(t)
		m := s.mountUnconfigured(t)
		m.write("config", with(proxy.config(), kms.dedicatedConfig(), map[string]any{"max_retries": 1}))
		m.write("keys/"+firstKey, nil)
		require.Equal(t, kms.Exports["ALICLOUD_KMS_INSTANCE_ID"], m.read("keys/" + firstKey)["kms_instance_id"])
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)

		var seen tally
		finish := load(func(int, int) { m.encryptInto(&seen, firstKey, plaintext) })
		seen.until(t, s.vault.Process, 50)
		proxy.goDown()
		seen.until(t, s.vault.Process, 200)
		finish()
		require.Empty(t, seen.errs)
		goesOn := func() {
			require.Equal(t, plaintext, m.decrypt(firstKey, ciphertext))
			wrapped, _ := m.write("datakey/wrapped/"+firstKey, nil)["ciphertext"].(string)
			require.NotEmpty(t, m.decrypt(firstKey, wrapped))
			again, _ := m.write("rewrap/"+firstKey, map[string]any{"ciphertext": ciphertext})["ciphertext"].(string)
			require.Equal(t, plaintext, m.decrypt(firstKey, again))
		}
		goesOn()
		for _, path := range []string{"keys/new", "keys/" + firstKey + "/disable"} {
			_, err := m.try(path, nil)
			m.refused(err, http.StatusBadGateway, proxy.address, "shared gateway")
		}
		gateways, _ := m.read("health")["gateways"].(map[string]any)
		require.Equal(t, false, gateways["shared"].(map[string]any)["healthy"])
		require.Equal(t, true, gateways["dedicated"].(map[string]any)["healthy"])

		require.NoError(t, syscall.Kill(s.plugin(m), syscall.SIGKILL))
		s.comesBack(t, func() error {
			_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
			return err
		})
		goesOn()

		proxy.heal()
		m.write("keys/"+firstKey+"/disable", nil)
		_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
		m.refused(err, http.StatusConflict, "Rejected.Disabled")
		require.Equal(t, true, m.read("health")["healthy"])
	})
}

func TestRenewedCertificateFailsNoRequest(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		m.write("config", with(kms.dedicatedConfig(instance), map[string]any{"max_retries": 0}))
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		var seen tally
		finish := load(func(int, int) { m.encryptInto(&seen, firstKey, plaintext) })
		for range 5 {
			seen.until(t, s.vault.Process, 50)
			kms.renew()
			// More requests at a time than there were before need new connections.
			require.NoError(t, inParallel(2*workers, func(int) error {
				_, err := m.try("encrypt/"+firstKey, map[string]any{"plaintext": plaintext})
				return err
			}))
		}
		seen.until(t, s.vault.Process, 50)
		finish()
		require.Empty(t, seen.errs)
	})
}

// Only a read of health or a write of config makes the engine ask KMS for the CA again.
func TestReplacedCAIsReportedAndReadAgain(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		m.write("config", kms.dedicatedConfig(instance))
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		for name, repair := range map[string]func(){
			"a read of health": func() {
				require.Equal(t, true, m.read("health")["healthy"], "health reports the state after the repair")
			},
			"a write of config": func() { m.write("config", kms.dedicatedConfig(instance)) },
		} {
			t.Run(name, func(t *testing.T) {
				kms.replaceCA()
				asked := kms.calls(kmsapi.OpGetKmsInstance)
				for range 2 {
					_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
					m.refused(err, http.StatusBadGateway, kms.addresses[instance], "unknown authority", "instance_ca_cert")
				}
				m.write("keys/"+firstKey+"/disable", nil)
				m.write("keys/"+firstKey+"/enable", nil)
				require.Equal(t, asked, kms.calls(kmsapi.OpGetKmsInstance))
				repair()
				require.Equal(t, asked+1, kms.calls(kmsapi.OpGetKmsInstance))
				require.Equal(t, plaintext, m.decrypt(firstKey, ciphertext))
				require.Equal(t, kms.private.CA(), m.read("config")["instance_ca_cert"])
			})
		}
	})
}

// A CA that the configuration gives is never exchanged for another.
func TestGivenCAIsKept(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		given := kms.private.CA()
		m.write("config", with(kms.dedicatedConfig(instance), map[string]any{"instance_ca_cert": given}))
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		kms.replaceCA()
		require.Equal(t, false, m.read("health")["healthy"])
		_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
		m.refused(err, http.StatusBadGateway, "instance_ca_cert")
		require.Equal(t, given, m.read("config")["instance_ca_cert"])
		m.write("config", with(kms.dedicatedConfig(instance), map[string]any{"instance_ca_cert": kms.private.CA()}))
		require.Equal(t, plaintext, m.decrypt(firstKey, ciphertext))
	})
}

// The CA is common to all instances of a region, so that only the name tells them apart.
func TestGatewayOfAnotherInstanceIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		another := map[string]any{"instance_endpoint": kms.addresses[closedInstance]}
		_, err := m.try("config", with(kms.dedicatedConfig(instance), another))
		m.refused(err, http.StatusBadGateway, "instance_tls_server_name", "dedicated gateway")
		m.unreadable("config")
	})
}

func TestInstanceWithoutInternetAccessNeedsItsDedicatedGateway(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		m.write("config", with(kms.engineConfig(), map[string]any{"kms_instance_id": closedInstance}))
		m.write("keys/"+firstKey, nil)
		plaintext := map[string]any{"plaintext": newPlaintext()}
		_, err := m.try("encrypt/"+firstKey, plaintext)
		m.refused(err, http.StatusBadRequest, "UnsupportedOperation", "Internet access", "gateway=dedicated")

		m.write("config", kms.dedicatedConfig(closedInstance))
		_, err = m.try("encrypt/"+firstKey, plaintext)
		require.NoError(t, err)
	})
}

// KMS answers GetKmsInstance once a second for the whole account, and each of these mounts needs an answer.
func TestMountsThatAreConfiguredAtTheSameTimeWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.cloud(t)
		var mounts []*mount
		for range 3 {
			mounts = append(mounts, s.mountUnconfigured(t))
		}
		require.NoError(t, inParallel(len(mounts), func(i int) error {
			_, err := mounts[i].try("config", kms.dedicatedConfig(instance))
			return err
		}))
		for _, m := range mounts {
			require.Equal(t, kms.private.CA(), m.read("config")["instance_ca_cert"])
		}
	})
}

func TestCiphertextsOutliveAChangeOfTheGateway(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms, m := s.cloud(t), s.mountUnconfigured(t)
		m.write("config", kms.engineConfig())
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		overShared := m.encrypt(firstKey, plaintext)
		m.write("config", kms.dedicatedConfig(instance))
		overDedicated := m.encrypt(firstKey, plaintext)
		require.Equal(t, plaintext, m.decrypt(firstKey, overShared))
		m.write("config", with(kms.engineConfig(), map[string]any{"gateway": "shared"}))
		require.Equal(t, plaintext, m.decrypt(firstKey, overDedicated))
	})
}

// With only the default key, the main job is impossible; with an instance, it is the same over either gateway.
func TestMainJobInAnAccountOfToday(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.cloud(t)
		t.Run("over the shared gateway", func(t *testing.T) {
			m := s.mountUnconfigured(t)
			m.write("config", kms.engineConfig())
			m.mainJob(t)
			require.Equal(t, instance, m.read("keys/payroll")["kms_instance_id"])
		})
		t.Run("over the dedicated gateway", func(t *testing.T) {
			m := s.mountUnconfigured(t)
			m.write("config", kms.dedicatedConfig(instance))
			m.mainJob(t)
			f := s.fixture(m)
			f.config = kms.dedicatedConfig(instance)
			for _, c := range f.calls() {
				require.NoError(t, c.do(m), c.name)
			}
		})
		t.Run("without an instance", func(t *testing.T) {
			m := s.mountUnconfigured(t)
			m.write("config", with(kms.engineConfig(), map[string]any{"kms_instance_id": ""}))
			m.write("keys/default", nil)
			_, err := m.try("encrypt/default", map[string]any{"plaintext": newPlaintext()})
			m.refused(err, http.StatusBadRequest, "UnsupportedOperation", "kms_instance_id")
			_, err = m.try("keys/payroll", nil)
			m.refused(err, http.StatusBadRequest, "Rejected.LimitExceeded", "kms_instance_id")
			m.write("keys/payroll", map[string]any{"instance_id": instance})
			plaintext := newPlaintext()
			require.Equal(t, plaintext, m.decrypt("payroll", m.encrypt("payroll", plaintext)))
		})
	})
}

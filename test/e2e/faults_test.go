package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// faults are failures of KMS, or of the network, and the status that the engine returns.
var faults = []struct {
	name   string
	begin  func(p *faultProxy)
	status int
}{
	{"KMS throttles", wrong(refuse(*kmsapi.ErrThrottling)), http.StatusTooManyRequests},
	{
		"the gateway throttles", wrong(refuse(kmsapi.Error{Code: "Throttling.User", HTTPStatus: http.StatusBadRequest})),
		http.StatusTooManyRequests,
	},
	{"KMS is unavailable", wrong(refuse(*kmsapi.ErrServiceUnavailable)), http.StatusBadGateway},
	{
		"KMS acts and reports that it is unavailable", wrong(after(refuse(*kmsapi.ErrServiceUnavailable))),
		http.StatusBadGateway,
	},
	{"KMS never responds", wrong(stall), http.StatusGatewayTimeout},
	{"KMS acts and never responds", wrong(after(stall)), http.StatusGatewayTimeout},
	{"the connection breaks in the middle of the response", wrong(breakOff), http.StatusBadGateway},
	{"the connection breaks before the response", wrong(swallow), http.StatusBadGateway},
	{"the response is a web page", wrong(say("<html><body>Welcome</body></html>")), http.StatusBadGateway},
	{"half of the response is missing", wrong(truncate), http.StatusBadGateway},
	{
		"the response is of another operation",
		wrong(say(`{"RequestId":"1","Regions":{"Region":[{"RegionId":"cn-hangzhou"}]}}`)), http.StatusBadGateway,
	},
	{"KMS is down", (*faultProxy).goDown, http.StatusBadGateway},
}

// patienceFor returns settings of an engine that waits long enough for a busy machine, but not for answers that never
// come.
func patienceFor(status int) map[string]any {
	if status == http.StatusGatewayTimeout {
		return map[string]any{"verify": false, "request_timeout": "3s"}
	}
	return map[string]any{"verify": false, "request_timeout": "30s"}
}

func wrong(f fault) func(*faultProxy) { return func(p *faultProxy) { p.goWrong(f) } }

// request is a request that needs KMS.
type request struct {
	path string
	data map[string]any
}

// needingKMS returns requests of each kind, on a mount with a key called firstKey. newKey is the name of a key to
// create.
func needingKMS(plaintext, ciphertext, newKey string) []request {
	return []request{
		{"encrypt/" + firstKey, map[string]any{"plaintext": plaintext}},
		{"decrypt/" + firstKey, map[string]any{"ciphertext": ciphertext}},
		{"datakey/plaintext/" + firstKey, nil},
		{"datakey/wrapped/" + firstKey, nil},
		{"keys/" + newKey, nil},
	}
}

func TestFaultsHaveTheirOwnStatusAndPass(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "behind-faults")
		proxy := kms.behindFaults(t)
		m := s.mountUnconfigured(t)
		m.write("config", with(proxy.config(), map[string]any{"max_retries": 1}))
		work := newLedger()
		work.keys[firstKey], _ = m.write("keys/"+firstKey, nil)["key_id"].(string)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		for _, fault := range faults {
			t.Run(fault.name, func(t *testing.T) {
				all := needingKMS(plaintext, ciphertext, strings.ReplaceAll(fault.name, " ", "-"))
				m.write("config", with(proxy.config(), patienceFor(fault.status)))
				fault.begin(proxy)
				errs := make([]error, len(all))
				_ = inParallel(len(all), func(i int) error {
					_, errs[i] = m.try(all[i].path, all[i].data)
					return nil
				})
				for i, err := range errs {
					require.Error(t, err, all[i].path)
					m.refused(err, fault.status)
					require.NotContains(t, err.Error(), plaintext)
					require.NotContains(t, err.Error(), kms.Exports["ALICLOUD_SECRET_KEY"])
				}
				proxy.heal()
				for _, r := range all {
					_, err := m.try(r.path, r.data)
					require.NoError(t, err, "%s, as soon as the fault is over", r.path)
				}
			})
		}
		require.Equal(t, plaintext, m.decrypt(firstKey, ciphertext))
		work.agreesWith(m, kms)
	})
}

// TestFaultsLeaveNothingBehind compares the plugin's open sockets and goroutines before and after faulty requests. One
// leaked connection or goroutine per request would far exceed the bounds.
func TestFaultsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *stage) {
		s = s.withOwnVault(t, "faults")
		const (
			rounds    = 20
			tolerance = 5 * workers
		)
		proxy := s.kms.behindFaults(t)
		m := s.mountUnconfigured(t)
		m.write("config", with(proxy.config(), map[string]any{"max_retries": 0}))
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		// On a busy machine, an answer may take longer than that, so this may fail too.
		s.comesBack(t, func() error {
			_, err := m.try("config", with(proxy.config(), map[string]any{"max_retries": 0, "request_timeout": "1s"}))
			return err
		})
		use := func() error {
			return inParallel(workers, func(int) error {
				_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
				return err
			})
		}
		s.comesBack(t, use)
		goroutinesBefore := s.pluginGoroutines(m)
		s.comesBack(t, use)
		socketsBefore := s.pluginSockets(m)

		for number, fault := range faults {
			fault.begin(proxy)
			require.NoError(t, inParallel(rounds, func(i int) error {
				all := needingKMS(plaintext, ciphertext, fmt.Sprintf("new-%d-%d", number, i))
				if _, err := m.try(all[i%len(all)].path, all[i%len(all)].data); err == nil {
					return errors.New(fault.name + ": a request succeeded")
				}
				return nil
			}))
			proxy.heal()
		}
		s.comesBack(t, use)
		require.NoError(t, s.vault.Await(func() bool { return s.pluginSockets(m) <= socketsBefore+tolerance }))
		require.LessOrEqual(t, s.pluginGoroutines(m), goroutinesBefore+tolerance)
		s.comesBack(t, use)
	})
}

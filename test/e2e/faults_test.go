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

// faults are ways for KMS, or the way to it, to go wrong, and the status that the engine answers then.
var faults = []struct {
	name   string
	begin  func(p *faultProxy)
	status int
}{
	{"KMS throttles", wrong(refuse(*kmsapi.ErrThrottling)), http.StatusTooManyRequests},
	{"the gateway throttles", wrong(refuse(kmsapi.Error{Code: "Throttling.User", HTTPStatus: http.StatusBadRequest})), http.StatusTooManyRequests},
	{"KMS is unavailable", wrong(refuse(*kmsapi.ErrServiceUnavailable)), http.StatusBadGateway},
	{"KMS acts and says that it is unavailable", wrong(after(refuse(*kmsapi.ErrServiceUnavailable))), http.StatusBadGateway},
	{"KMS never answers", wrong(stall), http.StatusGatewayTimeout},
	{"KMS acts and never answers", wrong(after(stall)), http.StatusGatewayTimeout},
	{"the connection breaks in the middle of the answer", wrong(breakOff), http.StatusBadGateway},
	{"the connection breaks before the answer", wrong(swallow), http.StatusBadGateway},
	{"the answer is a web page", wrong(say("<html><body>Welcome</body></html>")), http.StatusBadGateway},
	{"half of the answer is missing", wrong(truncate), http.StatusBadGateway},
	{"the answer is of another operation", wrong(say(`{"RequestId":"1","Regions":{"Region":[{"RegionId":"cn-hangzhou"}]}}`)), http.StatusBadGateway},
	{"KMS is down", (*faultProxy).goDown, http.StatusBadGateway},
}

func wrong(f fault) func(*faultProxy) { return func(p *faultProxy) { p.goWrong(f) } }

// request is one that needs KMS.
type request struct {
	path string
	data map[string]any
}

// needingKMS are requests of each kind, on a mount with a key called firstKey. newKey is a name for a key to be made.
func needingKMS(plaintext, ciphertext, newKey string) []request {
	return []request{
		{"encrypt/" + firstKey, map[string]any{"plaintext": plaintext}},
		{"decrypt/" + firstKey, map[string]any{"ciphertext": ciphertext}},
		{"datakey/plaintext/" + firstKey, nil},
		{"datakey/wrapped/" + firstKey, nil},
		{"keys/" + newKey, nil},
	}
}

func TestFaultsAreToldAsWhatTheyAreAndPass(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		kms := s.ownKMS(t, "behind-faults")
		proxy := kms.behindFaults(t)
		m := s.mountUnconfigured(t)
		m.write("config", with(proxy.config(), map[string]any{"max_retries": 1, "request_timeout": "3s"}))
		told := newLedger()
		told.keys[firstKey], _ = m.write("keys/"+firstKey, nil)["key_id"].(string)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		for _, fault := range faults {
			t.Run(fault.name, func(t *testing.T) {
				all := needingKMS(plaintext, ciphertext, strings.ReplaceAll(fault.name, " ", "-"))
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
					require.NoError(t, err, "%s, as soon as it is over", r.path)
				}
			})
		}
		require.Equal(t, plaintext, m.decrypt(firstKey, ciphertext))
		told.agreesWith(m, kms)
	})
}

// TestFaultsLeaveNothingBehind compares what the plugin's process has open before and after faulty requests. One
// connection or goroutine left by each would be far beyond the bounds.
func TestFaultsLeaveNothingBehind(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		const (
			rounds    = 20
			tolerance = 5 * workers
		)
		proxy := s.kms.behindFaults(t)
		m := s.mountUnconfigured(t)
		m.write("config", with(proxy.config(), map[string]any{"max_retries": 0, "request_timeout": "1s"}))
		m.write("keys/"+firstKey, nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt(firstKey, plaintext)
		use := func() error {
			return inParallel(workers, func(int) error {
				_, err := m.try("decrypt/"+firstKey, map[string]any{"ciphertext": ciphertext})
				return err
			})
		}
		s.comesBack(t, use)
		goroutinesBefore := s.pluginGoroutines(t)
		s.comesBack(t, use)
		socketsBefore := s.pluginSockets(t)

		for number, fault := range faults {
			fault.begin(proxy)
			require.NoError(t, inParallel(rounds, func(i int) error {
				all := needingKMS(plaintext, ciphertext, fmt.Sprintf("new-%d-%d", number, i))
				if _, err := m.try(all[i%len(all)].path, all[i%len(all)].data); err == nil {
					return errors.New(fault.name + ": a request went through")
				}
				return nil
			}))
			proxy.heal()
		}
		s.comesBack(t, use)
		require.NoError(t, s.vault.Await(func() bool { return s.pluginSockets(t) <= socketsBefore+tolerance }))
		require.LessOrEqual(t, s.pluginGoroutines(t), goroutinesBefore+tolerance)
		s.comesBack(t, use)
	})
}

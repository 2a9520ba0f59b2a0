package seal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A mint is an STS whose sessions of 15 minutes expire on the clock of the rig's service. It also serves as a URI that
// returns credentials.
type mint struct {
	r *rig

	url string

	mu     sync.Mutex // guards minted, and the service's configuration
	minted int
}

// newMint returns settings of a seal that has only sessions of the mint.
func newMint(r *rig) (*mint, map[string]string) {
	r.t.Helper()
	m := &mint{r: r}
	sts := httptest.NewServer(m)
	r.t.Cleanup(sts.Close)
	m.url = sts.URL
	return m, map[string]string{"role_arn": "acs:ram::1000000000000001:role/vault", "sts_endpoint": sts.URL}
}

func (m *mint) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.minted++
	now := m.r.kms.Now()
	expires := now.Add(15 * time.Minute)
	session := server.AccessKey{
		ID: fmt.Sprintf("STS.%d", m.minted), Secret: "a session's secret", SecurityToken: "a session's token",
		Expires: expires.Format(time.RFC3339),
	}
	if err := m.setKeys(func(keys []server.AccessKey) []server.AccessKey { return append(keys, session) }); err != nil {
		m.r.t.Error(err)
	}
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	given := map[string]string{
		"AccessKeyId": session.ID, "AccessKeySecret": session.Secret, "SecurityToken": session.SecurityToken,
		"Expiration": expires.UTC().Format(time.RFC3339),
	}
	answer := map[string]any{"RequestId": "r-1", "Credentials": given, "Code": "Success"}
	for name, value := range given {
		answer[name] = value
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		m.r.t.Error(err)
	}
}

func (m *mint) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.minted
}

// forget makes the service refuse all existing sessions.
func (m *mint) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NoError(m.r.t, m.setKeys(func(keys []server.AccessKey) []server.AccessKey { return keys[:1] }))
}

// setKeys changes the access keys of the service. The caller holds the lock.
func (m *mint) setKeys(change func([]server.AccessKey) []server.AccessKey) error {
	return m.r.kms.Reload(func(c *server.Config) { c.Accounts[0].AccessKeys = change(c.Accounts[0].AccessKeys) })
}

// Earlier wrappers read their token once, so their servers stopped working after some hours. Six hours pass here.
func TestSessionsExpireUnderLoadAndEveryUnsealWorks(t *testing.T) {
	r := newRig(t)
	m, settings := newMint(r)
	w := r.wrapper(settings)
	blob := r.seal(w, "root key")
	var all sync.WaitGroup
	var unseals atomic.Int64
	var over atomic.Bool
	for range 8 {
		all.Go(func() {
			for !over.Load() {
				opened, err := w.Decrypt(t.Context(), blob)
				if err != nil || string(opened) != "root key" {
					t.Error("an unseal failed:", err)
					return
				}
				if _, err := w.Encrypt(t.Context(), []byte("Heartbeat 1")); err != nil {
					t.Error("a health check failed:", err)
					return
				}
				unseals.Add(1)
			}
		})
	}
	for range 6 * 60 {
		if t.Failed() {
			break
		}
		r.kms.Advance(time.Minute)
		for before := unseals.Load(); unseals.Load() < before+2 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	over.Store(true)
	all.Wait()
	require.Greater(t, m.count(), 6*60/15, "otherwise no session has expired")
}

// A session that is revoked early is replaced once, by the first call that is refused because of it.
func TestSessionsThatKMSForgetsAreReplaced(t *testing.T) {
	for name, of := range map[string]func(*testing.T, *mint, map[string]string) map[string]string{
		"of a role": func(_ *testing.T, _ *mint, role map[string]string) map[string]string { return role },
		"of the environment": func(t *testing.T, m *mint, _ map[string]string) map[string]string {
			t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", m.url)
			return map[string]string{"access_key": "", "secret_key": ""}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			m, role := newMint(r)
			w := r.wrapper(of(t, m, role))
			blob := r.seal(w, "root key")
			m.forget()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if opened, err := w.Decrypt(t.Context(), blob); err != nil || string(opened) != "root key" {
						t.Error("an unseal failed:", err)
					}
				})
			}
			all.Wait()
			require.Equal(t, 2, m.count())
		})
	}
}
